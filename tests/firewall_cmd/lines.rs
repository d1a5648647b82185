//! Command lines of firewall-cmd over all of its groups of options, in `stories.txt`.

/// Lines that follow one another from the same beginning.
pub struct Story {
    pub name: &'static str,
    pub lines: Vec<&'static str>,
}

/// The words of a line, which blanks separate; single quotes keep blanks.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            // `--option='a b'`
            _ => match words.last_mut().filter(|word: &&mut String| word.ends_with('=')) {
                Some(word) => word.push_str(part),
                None => words.push(part.to_owned()),
            },
        }
    }
    words
}

/// All of them. In the file each begins with a line `# NAME`; an empty line is a call without words.
pub fn stories() -> Vec<Story> {
    let mut stories = Vec::new();
    for line in include_str!("stories.txt").lines() {
        match (line.strip_prefix("# "), stories.last_mut()) {
            (Some(name), _) => stories.push(Story {
                name,
                lines: Vec::new(),
            }),
            (None, Some(Story { lines, .. })) => lines.push(line),
            (None, None) => panic!("a line before the first name: {line}"),
        }
    }
    stories
}

/// One line in seven of all stories, and every line of the last, which is about usage.
pub fn sample() -> Vec<&'static str> {
    let mut stories = stories();
    let usage = stories.pop().expect("a story about usage");
    let all = stories.iter().flat_map(|story| &story.lines);
    all.step_by(7).chain(&usage.lines).copied().collect()
}
