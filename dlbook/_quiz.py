"""`quiz`: questions with feedback on every answer, in plain HTML.

No kernel and no network is needed: a few radio buttons, check boxes or a number field,
and a script that copies the explanation of the chosen answer to where screen readers
announce it. Without script the answers are in a fold under each question.
"""

import difflib
import math
import numbers

from ._html import STYLE, compact, has_tex, markup, unmarked

_STYLE = (
    STYLE
    + """
.dlb-quiz{max-width:46rem}
.dlb-question{margin:0 0 1.75rem}
.dlb-question fieldset{margin:0;padding:0;border:0;min-width:0}
.dlb-question legend{padding:0;margin:0 0 .5rem;font-weight:600;font-size:1em;
width:100%;float:none;color:inherit}
.dlb-number{display:block;font-weight:400;font-size:.85em}
.dlb-choice{display:flex;align-items:baseline;gap:.6rem;padding:.35rem .75rem;
min-height:2.25rem;margin:.25rem 0;border:1px solid #8886;
border-color:var(--dlb-line);border-radius:.4rem;cursor:pointer;overflow-wrap:anywhere}
.dlb-choice:hover{border-color:currentColor}
.dlb-choice input{flex:none;width:1.1em;height:1.1em;margin:0;align-self:flex-start;
margin-top:.2em}
.dlb-choice[data-mark]{border-width:2px}
.dlb-choice[data-mark]::after{content:"✗";margin-left:auto;font-weight:700}
.dlb-choice[data-mark=right]::after{content:"✓"}
[data-mark=right]{border-color:#2a8a52;border-color:light-dark(#1c7a43,#5fd08a)}
[data-mark=wrong]{border-color:#c9642a;border-color:light-dark(#b3420e,#ff9f68)}
.dlb-entry{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .75rem}
.dlb-entry input{min-height:2.25rem;width:9rem;padding:.2rem .6rem;color:inherit;
background:transparent;border:1px solid #888;border-radius:.4rem}
.dlb-question>.dlb-button{margin-top:.5rem}
.dlb-feedback:not(:empty){margin-top:.75rem;padding:.1rem 0 .1rem .75rem;
border-left:4px solid #888}
.dlb-feedback[data-mark=right]{border-left-color:#2a8a52;
border-left-color:light-dark(#1c7a43,#5fd08a)}
.dlb-feedback[data-mark=wrong]{border-left-color:#c9642a;
border-left-color:light-dark(#b3420e,#ff9f68)}
.dlb-answers{margin-top:.5rem}
.dlb-answers ul{list-style:none;margin:.25rem 0 0;padding:0 0 0 .25rem}
.dlb-answers li{margin:.25rem 0}
[data-ready]>.dlb-answers{display:none}
@media print{.dlb-question>.dlb-answers{display:block}.dlb-feedback{display:none}
.dlb-answers::details-content{content-visibility:visible;block-size:auto}}
"""
)

# A click and the Enter key, not the form's own submission: a notebook may show its
# outputs in a frame that forbids forms. The form itself keeps radio groups apart.
# JupyterLab would take arrow keys for its own, but for data-lm-suppress-shortcuts.
_SCRIPT = """
document.querySelectorAll('.dlb-question:not([data-ready])').forEach(function(form){
var all=function(s){return Array.from(form.querySelectorAll(s))};
var choices=all('.dlb-choice'),entry=form.querySelector('.dlb-entry input');
var answers=all('.dlb-answers li'),says=form.querySelector('[role=status]');
function clear(){
says.textContent='';says.removeAttribute('data-mark');
choices.forEach(function(c){c.removeAttribute('data-mark')})}
function tell(right,lines){
says.dataset.mark=right?'right':'wrong';says.innerHTML=lines.join('')}
function why(li){return li.querySelector('.dlb-why').innerHTML}
function line(right,text){
return '<p>'+(right?'✓ <strong>Right.</strong> ':'✗ <strong>Not this.</strong> ')
+text+'</p>'}
function numbers(text){
text=text.replace(/[\\s_\\u2009\\u202f]/g,'').replace(/[−–]/g,'-');
var forms=[text];
if(/,/.test(text))forms=[text.replace(/,/g,''),
text.replace(/\\./g,'').replace(',','.')];
var number=/^[-+]?(\\d+\\.?\\d*|\\.\\d+)(e[-+]?\\d+)?$/i;
return forms.filter(function(t){return number.test(t)}).map(Number)}
function checkEntry(){
var found=numbers(entry.value);
if(!found.length){
says.innerHTML='<p>Write a number, such as 12 or 0.5.</p>';return}
var li=answers.find(function(a){
var goal=parseFloat(a.dataset.value),near=parseFloat(a.dataset.within);
return found.some(function(x){return isNaN(goal)||
Math.abs(x-goal)<=near+1e-9*Math.max(1,Math.abs(goal))})});
var right='right' in li.dataset;
tell(right,[line(right,why(li))])}
function checkChoices(){
var ticked=choices.filter(function(c){return c.querySelector('input').checked});
if(!ticked.length){says.innerHTML='<p>Choose an answer first.</p>';return}
var isRight=function(c){return 'right' in answers[choices.indexOf(c)].dataset};
ticked.forEach(function(c){c.dataset.mark=isRight(c)?'right':'wrong'});
var many=choices[0].querySelector('input').type==='checkbox';
var missing=many?choices.filter(isRight).filter(function(c){
return ticked.indexOf(c)<0}).length:0;
var lines=ticked.map(function(c){
return line(isRight(c),(many?'<em>'+c.textContent.trim()+'</em>: ':'')
+why(answers[choices.indexOf(c)]))});
if(missing)lines.push('<p>Still missing: '+missing+' more.</p>');
tell(!missing&&ticked.every(isRight),lines)}
function check(){clear();if(entry)checkEntry();else checkChoices()}
form.addEventListener('submit',function(event){event.preventDefault()});
form.addEventListener('keydown',function(event){
if(event.key==='Enter'&&event.target.localName==='input'){
event.preventDefault();check()}});
form.querySelector('.dlb-button').addEventListener('click',check);
form.addEventListener('input',clear);
all('input,button').forEach(function(e){
e.setAttribute('data-lm-suppress-shortcuts','')});
all('[hidden]').forEach(function(e){e.hidden=false});
form.setAttribute('data-ready','')});
"""

_CHOICE_KEYS = ("ask", "choices")
_NUMBER_KEYS = ("ask", "answer", "within", "right", "wrong", "traps")


def quiz(*questions):
    """Questions that explain every answer; one dict for each question.

    Choices: `dict(ask="…", choices=[("text", True, "why"), ("text", False, "why not"),
    …])` with one right choice or several. A number: `dict(ask="…", answer=28,
    within=0.5, right="…", wrong="…", traps={30: "what gives 30"})`, where `within` (0
    if left out) is how far off an answer may be, and `traps` explains the likely
    mistakes.

    Texts may use `code`, *emphasis*, x_{i} and x^{2}; no TeX. Raises ValueError or
    TypeError with a sentence that says what to change.
    """
    return Quiz(questions)


class Quiz:
    """What `quiz` returns; a notebook shows it by itself."""

    def __init__(self, questions):
        if not questions:
            raise ValueError("quiz: there are no questions; give at least one dict.")
        for number, question in enumerate(questions, start=1):
            _check(question, f"quiz, question {number}")
        self._questions = questions

    def _repr_html_(self) -> str:
        count = len(self._questions)
        forms = "".join(
            _form(question, f"Question {number} of {count}" if count > 1 else "")
            for number, question in enumerate(self._questions, start=1)
        )
        return (
            f"<style>{compact(_STYLE)}</style>"
            f'<div class="dlb dlb-quiz" role="group" aria-label="Quiz">{forms}</div>'
            f"<script>{compact(_SCRIPT)}</script>"
        )

    def __repr__(self) -> str:
        return "\n\n".join(
            _plain(question, number)
            for number, question in enumerate(self._questions, start=1)
        )


# -- HTML ------------------------------------------------------------------------------


def _form(question: dict, number: str) -> str:
    """One question. method=dialog: without script, the Enter key sends nothing."""
    heading = f'<span class="dlb-number">{number}</span>' if number else ""
    legend = f"<legend>{heading}{markup(question['ask'])}</legend>"
    if "choices" in question:
        body, answers = _choices(question["choices"])
    else:
        body, answers = _entry(), _numeric_answers(question)
    return (
        '<form class="dlb-question" method="dialog" autocomplete="off">'
        f"<fieldset>{legend}{body}</fieldset>"
        '<button type="button" class="dlb-button" hidden>Check</button>'
        '<div class="dlb-feedback" role="status" aria-live="polite"></div>'
        '<details class="dlb-answers"><summary>Answers</summary>'
        f"<ul>{''.join(answers)}</ul></details></form>"
    )


def _choices(choices: list) -> tuple[str, list[str]]:
    many = sum(right for _, right, _ in choices) > 1
    kind = "checkbox" if many else "radio"
    hint = '<p class="dlb-number">Several answers are right.</p>' if many else ""
    body = "".join(
        f'<label class="dlb-choice"><input type="{kind}" name="choice">'
        f"<span>{markup(text)}</span></label>"
        for text, _, _ in choices
    )
    answers = [_answer(text, right, why) for text, right, why in choices]
    return hint + body, answers


def _entry() -> str:
    return (
        '<label class="dlb-entry" hidden>Your answer '
        '<input type="text" inputmode="decimal" autocomplete="off"></label>'
    )


def _numeric_answers(question: dict) -> list[str]:
    within = question.get("within", 0)
    goal = question["answer"]
    around = f" ± {within}" if within else ""
    answers = [_answer(f"{goal}{around}", True, question["right"], goal, within)]
    answers += [
        _answer(str(trap), False, why, trap, within)
        for trap, why in question.get("traps", {}).items()
    ]
    answers.append(_answer("Any other number", False, question["wrong"], "any", 0))
    return answers


def _answer(text: str, right: bool, why: str, value=None, within=0) -> str:
    data = " data-right" if right else ""
    if value is not None:
        data += f' data-value="{value}" data-within="{within}"'
    return (
        f"<li{data}>{'✓' if right else '✗'} <strong>{markup(text)}</strong>: "
        f'<span class="dlb-why">{markup(why)}</span></li>'
    )


def _plain(question: dict, number: int) -> str:
    lines = [f"{number}. {unmarked(question['ask'])}"]
    if "choices" in question:
        lines += [f"   ( ) {unmarked(text)}" for text, _, _ in question["choices"]]
    else:
        lines.append("   Your answer: a number")
    return "\n".join(lines)


# -- what can be wrong -----------------------------------------------------------------


def _check(question, where: str) -> None:
    if not isinstance(question, dict):
        raise TypeError(f"{where}: give a dict, not a {type(question).__name__}.")
    if "choices" in question and "answer" in question:
        raise ValueError(f"{where}: give either choices or an answer, not both.")
    known = _CHOICE_KEYS if "choices" in question else _NUMBER_KEYS
    for key in question:
        if key not in known:
            every = [*_CHOICE_KEYS, *_NUMBER_KEYS]
            close = difflib.get_close_matches(str(key), every, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it knows {known}."
            raise ValueError(f"{where}: there is no key {key!r}; {hint}")
    if "choices" not in question and "answer" not in question:
        raise ValueError(f"{where}: give its choices or its answer.")
    _check_text(question.get("ask"), "ask", where)
    if "choices" in question:
        _check_choices(question["choices"], where)
    else:
        _check_number(question, where)


def _check_text(text, what: str, where: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where}: {what} is missing; write it as a text.")
    if has_tex(text):
        raise ValueError(
            f"{where}: {what} holds TeX, which a quiz does not show; write Unicode "
            "such as σ² or √n, or x_{i} and x^{2}."
        )


def _check_choices(choices, where: str) -> None:
    if not isinstance(choices, (list, tuple)):
        raise TypeError(f"{where}: choices must be a list of (text, right, why).")
    for place, choice in enumerate(choices, start=1):
        if not isinstance(choice, (list, tuple)) or len(choice) != 3:
            raise ValueError(
                f"{where}: choice {place} must be (text, True or False, why): "
                "every choice needs its feedback."
            )
        text, right, why = choice
        _check_text(text, f"the text of choice {place}", where)
        _check_text(why, f"the feedback of choice {place}", where)
        if not isinstance(right, bool):
            raise TypeError(f"{where}: choice {place} must say True or False.")
    if len(choices) < 2:
        raise ValueError(f"{where}: one choice is no choice; give at least two.")
    texts = [text for text, _, _ in choices]
    if len(set(texts)) < len(texts):
        raise ValueError(f"{where}: two choices have the same text; change one.")
    if not any(right for _, right, _ in choices):
        raise ValueError(f"{where}: no choice is right; mark one with True.")


def _check_number(question: dict, where: str) -> None:
    answer, within = question["answer"], question.get("within", 0)
    for what, value in (("answer", answer), ("within", within)):
        _check_finite(value, what, where)
    if within < 0:
        raise ValueError(f"{where}: within is {within}; a tolerance is 0 or more.")
    for what in ("right", "wrong"):
        _check_text(question.get(what), what, where)
    traps = question.get("traps", {})
    if not isinstance(traps, dict):
        raise TypeError(f"{where}: traps must be a dict, such as {{30: '…'}}.")
    for trap, why in traps.items():
        _check_finite(trap, "a trap", where)
        _check_text(why, f"the feedback of trap {trap}", where)
        if abs(trap - answer) <= within:
            raise ValueError(
                f"{where}: the trap {trap} is within {within} of the answer {answer}, "
                "so it would count as right; change one of the three."
            )


def _check_finite(value, what: str, where: str) -> None:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not math.isfinite(value):
        raise ValueError(f"{where}: {what} must be a finite number, not {value!r}.")
