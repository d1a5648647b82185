/* global cockpit */
"use strict";

// Looks at the page in a frame as wide as a telephone, and writes what it shows as JSON. The address may end in
// #TEXT,FILE: then FILE is written once the page shows something without TEXT, and the page is looked at when it
// shows TEXT.

// The browser has loaded a page only when each of its frames is closed.
const hold = document.createElement("iframe");
document.body.append(hold);
hold.contentDocument.open();

const WIDTH = 390;
const [text, file] = decodeURIComponent(location.hash.slice(1)).split(",");
let first = true;

function cells(table) {
    return [...table.rows].map(row => [...row.cells].map(cell => cell.textContent));
}

function look(page) {
    const shown = page.getElementById("content").hidden ? [] : [...page.querySelectorAll("section")];
    return {
        title: page.title,
        problem: page.getElementById("problem").hidden ? "" : page.getElementById("problem").innerText,
        sections: shown.map(one => ({
            title: one.querySelector("h1, h2").textContent,
            rows: [...one.querySelectorAll("table")].flatMap(cells),
            text: one.innerText,
        })),
        elements: [...new Set([...page.querySelectorAll("*")].map(one => one.localName))].sort(),
        wide: [...page.querySelectorAll("*")]
            .filter(one => one.getBoundingClientRect().right > WIDTH || one.scrollWidth > WIDTH)
            .map(one => one.outerHTML.slice(0, 80)),
        width: page.defaultView.innerWidth,
    };
}

const again = setInterval(() => {
    const page = document.getElementById("page").contentDocument;
    const loading = page.getElementById("loading");
    if (!loading || !loading.hidden)
        return;
    if (text && !page.body.innerText.includes(text)) {
        if (first)
            cockpit.file(file).replace("shown\n");
        first = false;
        return;
    }
    clearInterval(again);
    document.getElementById("seen").textContent = JSON.stringify(look(page));
    hold.contentDocument.close();
}, 20);
