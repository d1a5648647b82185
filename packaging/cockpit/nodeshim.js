/* global cockpit */
"use strict";

// Shows what the D-Bus object org.ovirt.node.Plugins1 says; nodeshim(8) has its methods and keys. Names and texts
// come from packages that nobody vouches for: they become text nodes, never markup.

const NAME = "org.ovirt.node.Plugins1";
const PATH = "/org/ovirt/node/Plugins1";

const element = id => document.getElementById(id);

/** The connection, and which reading of the node is the newest: an older one that ends later is not shown. */
let client = null;
let newest = 0;

/** A value of cockpit.dbus without the types of its variants. */
function plain(value) {
    if (Array.isArray(value))
        return value.map(plain);
    if (value === null || typeof value !== "object")
        return value;
    if (Object.keys(value).sort().join() === "t,v")
        return plain(value.v);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** Calls a method that returns one value. With the type of its arguments no introspection is asked for. */
function ask(method, type, args) {
    return client.call(PATH, NAME, method, args, { type }).then(answer => plain(answer[0]));
}

/** One plugin in full, or null if it went since the list was made. */
function get(name) {
    return ask("Get", "s", [name]).catch(error => {
        if (error.name === `${NAME}.Error.NoSuchPlugin`)
            return null;
        throw error;
    });
}

const requests = events => events.map(number => `#${number}`).join(" ");

/** What is let in, in the words of `nodeshim ports`. */
function opening(port) {
    if (port.port)
        return port.protocol ? `${port.port}/${port.protocol}` : port.port;
    return port.protocol ? `all/${port.protocol}` : "all";
}

function through(port) {
    const from = port.from ? ` from ${port.from.join(", ")}` : "";
    return port.through + from + (port.runtime ? " (runtime only)" : "");
}

/** The plugins that a package says it is. */
function declared(plugin) {
    return plugin.provides.map(one => `${one.plugin} ${one.version}`.trim()).join(", ") || "–";
}

function rule(item) {
    return (item.rule || "") + (item.late ? " (denied after it was let through)" : "");
}

/** Fills a section with a table, or says that it has nothing to show. */
function table(id, titles, rows, none) {
    const place = element(id);
    place.replaceChildren();
    if (rows.length === 0) {
        const text = document.createElement("p");
        text.textContent = none;
        place.append(text);
        return;
    }
    const made = document.createElement("table");
    const head = made.createTHead().insertRow();
    for (const title of titles) {
        const cell = document.createElement("th");
        cell.scope = "col";
        cell.textContent = title;
        head.append(cell);
    }
    const body = made.createTBody();
    for (const row of rows) {
        const line = body.insertRow();
        row.forEach((text, column) => {
            const cell = line.insertCell();
            // A narrow page shows it in front of the text, in place of the row of titles.
            cell.dataset.title = titles[column];
            // An isolated run of text: a name written from right to left does not turn its neighbours round.
            const shown = document.createElement("bdi");
            shown.textContent = text;
            cell.append(shown);
        });
    }
    place.append(made);
}

function show(plugins, ports, units) {
    table("plugins", ["Package", "Plugin", "Version", "Vendor", "Summary", "Requests"],
          plugins.map(one => [one.name + (one.gone ? " (erased)" : ""), declared(one), one.evr || "–",
              one.vendor || "–", one.summary || "–", String(one.requests)]),
          "No package has asked for anything.");
    table("ports", ["Port", "Zone", "By", "Through", "Requests"],
          ports.map(one => [opening(one), one.zone || "–", one.by, through(one), requests(one.events)]),
          "No package has opened a port.");
    table("units", ["Unit", "By", "How", "Requests"],
          units.map(one => [one.unit, one.by, one.how, requests(one.events)]),
          "No package starts anything at boot.");
    table("denied", ["Request", "By", "Rule", "Requests"],
          plugins.flatMap(one => one.denied.map(item => [item.text, one.name, rule(item), requests(item.events)])),
          "Policy has denied nothing.");
}

/** What is wrong, and what to do next. */
function explain(error) {
    const name = error.name || "";
    if (error.problem === "access-denied" || name === "org.freedesktop.DBus.Error.AccessDenied")
        return ["You may not ask this node for its plugins.",
            "Log in as another user, or have the node's administrator look at " +
            `/usr/share/dbus-1/system.d/${NAME}.conf and what /etc/dbus-1/system.d adds to it.`];
    if (error.problem === "not-found" || name === "org.freedesktop.DBus.Error.ServiceUnknown" ||
        name === "org.freedesktop.DBus.Error.NameHasNoOwner")
        return ["The service of nodeshim is not on this machine.",
            "Install the package nodeshim-node, or see why it does not start: " +
            "systemctl status nodeshim-plugins1.service"];
    if (name === `${NAME}.Error.Unreadable`)
        return [`The node's records cannot be read: ${error.message}`, "As root, run: nodeshim check"];
    return [`The service of nodeshim does not answer: ${error.message || error.problem || error}`,
        "See what it says: journalctl -u nodeshim-plugins1.service"];
}

function fail(error) {
    const [what, next] = explain(error);
    element("what").textContent = what;
    element("next").textContent = next;
    element("problem").hidden = false;
    element("loading").hidden = true;
    // What is shown may not be true any more.
    element("content").hidden = true;
}

async function read() {
    const mine = ++newest;
    try {
        const [list, ports, units] = await Promise.all([
            ask("List", "", []), ask("Ports", "", []), ask("Units", "", [])]);
        const plugins = await Promise.all(list.map(one => get(one.name)));
        if (mine !== newest)
            return;
        show(plugins.filter(one => one !== null), ports, units);
        element("problem").hidden = true;
        element("loading").hidden = true;
        element("content").hidden = false;
    } catch (error) {
        if (mine === newest)
            fail(error);
    }
}

function connect() {
    const made = cockpit.dbus(NAME, { bus: "system" });
    client = made;
    element("problem").hidden = true;
    element("loading").hidden = false;
    made.addEventListener("close", (event, options) => {
        if (made !== client)
            return;
        // Calls that still wait would say less.
        newest++;
        fail(options || {});
    });
    made.subscribe({ interface: NAME, path: PATH, member: "Changed" }, read);
    read();
}

/** Cockpit's menu has a choice of colours, which each page takes over itself. */
function colours(chosen) {
    const style = chosen || window.localStorage.getItem("shell:style") || "auto";
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.classList.toggle("dark", style === "dark" || (style === "auto" && dark));
}

window.addEventListener("storage", event => event.key === "shell:style" && colours(event.newValue));
window.addEventListener("cockpit-style", event => colours(event.detail && event.detail.style));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours());
colours();

element("again").addEventListener("click", () => {
    const old = client;
    connect();
    old.close();
});
cockpit.transport.wait(connect);
