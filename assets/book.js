/* What the book's pages do in a browser. Everything works from a folder, with no
   network; without scripts the text, the contents and the search page's link remain. */
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector) => Array.from(document.querySelectorAll(selector));

  /* Light, dark, or as the system has it. */
  const modes = ["auto", "light", "dark"];
  const system = matchMedia("(prefers-color-scheme: dark)");
  const themeButton = document.querySelector(".theme-switch-button");
  const applyTheme = () => {
    const mode = root.dataset.mode;
    root.dataset.theme = mode !== "auto" ? mode : system.matches ? "dark" : "light";
    const name = mode === "auto" ? "as the system" : mode;
    themeButton.setAttribute("aria-label", `Color theme: ${name}`);
    themeButton.title = `Color theme: ${name}`;
  };
  themeButton.addEventListener("click", () => {
    root.dataset.mode = modes[(modes.indexOf(root.dataset.mode) + 1) % 3];
    try {
      localStorage.setItem("mode", root.dataset.mode);
    } catch {
      /* Storage may be forbidden; the choice then lasts for this page. */
    }
    applyTheme();
  });
  system.addEventListener("change", applyTheme);
  applyTheme();

  /* The search field opens over the page; the search page works from a folder too. */
  const dialog = document.getElementById("search-dialog");
  if (dialog) {
    const open = (event) => {
      event.preventDefault();
      dialog.showModal();
      dialog.querySelector("input").select();
    };
    document.querySelector(".search-button").addEventListener("click", open);
    addEventListener("keydown", (event) => {
      const wanted = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
      if (wanted && !event.shiftKey && !event.altKey && !dialog.open) open(event);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  } else if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    /* Browsers do not let a page in a folder read its neighbours for a summary. */
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  /* A contents panel that covers the page closes when one of its links is followed. */
  all("[popover]").forEach((panel) => {
    panel.addEventListener("click", (event) => {
      if (event.target.closest("a") && panel.matches(":popover-open")) panel.hidePopover();
    });
  });
  const here = document.querySelector(".book-sidebar [aria-current=page]");
  const sidebar = document.getElementById("book-sidebar");
  requestAnimationFrame(() => {
    if (here && here.offsetTop > sidebar.clientHeight * 0.7) {
      sidebar.scrollTop = here.offsetTop - sidebar.clientHeight / 3;
    }
  });

  /* Mark the section that is being read. */
  const links = new Map();
  all(".page-contents a[href^='#']").forEach((link) => {
    const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (section) links.set(section, link);
  });
  if (links.size) {
    const visible = new Set();
    const watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) visible.add(target);
        else visible.delete(target);
      }
      const current = [...links.keys()].filter((section) => visible.has(section)).pop();
      for (const [section, link] of links) {
        if (section === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-20% 0px -70% 0px" });
    links.forEach((_, section) => watcher.observe(section));
  }

  /* What scrolls sideways can be reached and scrolled with the keyboard. To measure a
     box lays its section out, so far ones are judged by their text until they are near. */
  const boxes = all("main :is(pre, .math-scroll, .pst-scrollable-table-container, .output.text_html)");
  const names = { "math-scroll": "Formula", "pst-scrollable-table-container": "Table", output: "Output" };
  const mark = (box, wide) => {
    if (wide) {
      box.dataset.scrolls = "";
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", `${names[box.classList[0]] || "Code"}, scrolls sideways`);
    } else if ("scrolls" in box.dataset && box !== document.activeElement) {
      ["tabindex", "role", "aria-label", "data-scrolls"].forEach((a) => box.removeAttribute(a));
    }
  };
  const mayScroll = (box, room) => {
    if (box.tagName === "PRE") {
      return 7.8 * Math.max(...box.textContent.split("\n").map((line) => line.length)) > room;
    }
    const formula = box.matches(".math-scroll") && box.querySelector(".katex-html");
    return !formula || 11 * formula.textContent.length > room;
  };
  const measure = (near) => {
    const wide = near.map((box) => box.scrollWidth > box.clientWidth);
    near.forEach((box, i) => mark(box, wide[i]));
    /* A formula grows when its font arrives. */
    if (document.fonts.status === "loading") document.fonts.ready.then(() => measure(near));
  };
  const approach = new IntersectionObserver((entries) => {
    measure(entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target));
  }, { rootMargin: "50%" });
  const judge = () => {
    const room = document.getElementById("main-content").clientWidth - 150;
    boxes.forEach((box) => {
      mark(box, mayScroll(box, room));
      approach.unobserve(box);
      approach.observe(box);
    });
  };
  let pause;
  addEventListener("resize", () => {
    clearTimeout(pause);
    pause = setTimeout(judge, 200);
  });
  setTimeout(judge);

  /* Copy a code cell; the button is made when the cell comes near. Clipboards need a
     secure page or a folder; elsewhere there is no button. */
  if (navigator.clipboard) {
    const status = document.createElement("p");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    document.body.append(status);
    const addButton = (box) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "icon-button copy-button";
      button.title = "Copy";
      button.setAttribute("aria-label", "Copy this code");
      button.innerHTML = '<span class="icon icon-copy"></span>';
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("pre").textContent.trimEnd());
        button.classList.add("copied");
        status.textContent = "Copied";
        setTimeout(() => {
          button.classList.remove("copied");
          status.textContent = "";
        }, 1500);
      });
      box.append(button);
    };
    const nearing = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) {
          nearing.unobserve(target);
          addButton(target);
        }
      }
    }, { rootMargin: "50%" });
    all("div[class*='highlight-']:not(.output) > .highlight").forEach((box) => nearing.observe(box));
  }

  /* A link into a closed box opens it, and a printed page has nothing closed. */
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    let box = target && target.closest("details:not([open])");
    if (!box) return;
    for (; box; box = box.parentElement.closest("details")) box.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("main details:not([open])");
    opened.forEach((box) => (box.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((box) => (box.open = false)));
})();
