//! The page in a real browser: what it shows, and what a package's text did not become.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::browser::load;
use crate::support::scratch;
use crate::{SCRIPT, image, say};

/// The document as chromium has it after loading, and anything that ran in it.
fn document(page: &Path) -> String {
    load(&format!("file://{}", page.display())).0
}

fn count(text: &str, pattern: &str) -> usize {
    Regex::new(pattern).expect("a pattern").find_iter(text).count()
}

#[test]
fn a_browser_shows_the_page_and_runs_nothing() {
    let image = image();
    let html = say(&image, "report", &["--format", "html"]);
    let page = image.beside("report.html");
    fs::write(&page, &html).unwrap();
    let seen = document(&page);
    assert!(seen.contains("<title>Plugins of Test image</title>"), "{seen}");
    assert!(seen.trim_end().ends_with("</html>"), "{seen}");
    for (element, pattern, number) in [
        ("scripts", "<script", 0),
        ("images", "<(img|svg|iframe|object|embed|link|base|form)", 0),
        ("handlers", r"<[^>]*\son[a-z]+=", 0),
        ("links out", r#"<a [^>]*href="[^#]"#, 0),
        ("sections", "<section class=\"plugin\" id=\"plugin-(busy|hostile)\">", 2),
        ("rows", "<tr><td><a href=\"#plugin-(busy|hostile)\">", 2),
        ("what the tables say", "<table id=\"(overview|ports|units)\"", 3),
        ("policies", "Content-Security-Policy", 1),
    ] {
        assert_eq!(count(&seen, pattern), number, "{element} in {seen}");
    }
    // The text is there, as text.
    let shown = SCRIPT.replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(seen.matches(&shown).count(), 2, "description and name: {seen}");
    for text in [
        "&lt;img src=x onerror=document.title='owned'&gt;",
        "javascript:document.title='owned'",
        "8443/tcp",
    ] {
        assert!(seen.contains(text), "{text} in {seen}");
    }
}

#[test]
fn each_number_of_a_request_is_a_link_to_its_command() {
    let html = say(&image(), "report", &["--format", "html"]);
    let link = Regex::new("<a href=\"#request-([0-9]+)\">#([0-9]+)</a>").unwrap();
    let links: Vec<_> = link.captures_iter(&html).collect();
    assert!(links.len() >= 8, "{html}");
    for found in links {
        let (_, [number, shown]) = found.extract();
        assert_eq!(number, shown);
        assert_eq!(html.matches(&format!("<dt id=\"request-{number}\">")).count(), 1, "{number}: {html}");
    }
    assert!(html.contains("<code>systemctl enable --now busy.service</code>"), "{html}");
    assert!(html.contains(&format!("Written by nodeshim {}", env!("CARGO_PKG_VERSION"))));
}

/// Holds the page in a frame as wide as a telephone, and says in the title what is wider.
const FRAME: &str = "<!DOCTYPE html><title>not measured</title><iframe id=page style='width:390px;height:900px;border:0' \
    srcdoc='PAGE'></iframe><script>document.getElementById('page').onload = event => {\
    const page = event.target.contentDocument;\
    const wide = [...page.querySelectorAll('html, .scroll, table')].filter(one => one.scrollWidth > 390 || \
      (one.matches('.scroll') && one.scrollWidth > one.clientWidth));\
    document.title = 'wide: ' + wide.map(one => one.outerHTML.slice(0, 60)).join();\
    }</script>";

#[test]
fn on_a_telephone_no_column_is_hidden() {
    let image = image();
    let measured = |html: &str| {
        let frame = FRAME.replace("PAGE", &html.replace('&', "&amp;").replace('\'', "&#39;"));
        let page = image.beside("frame.html");
        fs::write(&page, frame).unwrap();
        let seen = document(&page);
        let (_, rest) = seen.split_once("<title>").expect("a title");
        rest.split_once("</title>").expect("its end").0.to_owned()
    };
    let html = say(&image, "report", &["--format", "html"]);
    assert_eq!(measured(&html), "wide: ");
    // What is too wide is noticed.
    let wide = html.replace("<h1>", "<div class=\"scroll\"><div style=\"width:500px\">wide</div></div><h1>");
    assert!(measured(&wide).starts_with("wide: &lt;div class=\"scroll\""), "{}", measured(&wide));
}

/// The check above sees what it looks for: the same page without escaping is taken over.
#[test]
fn a_browser_would_run_what_is_not_escaped() {
    let directory = scratch();
    let page = directory.path().join("page.html");
    fs::write(&page, format!("<!DOCTYPE html><title>Plugins</title><p>{SCRIPT}</p>")).unwrap();
    let seen = document(&page);
    assert!(seen.contains("<title>owned</title>") && count(&seen, "<script") == 1, "{seen}");
}
