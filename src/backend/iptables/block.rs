//! The marked block in the text of a rule file.

const BEGIN: &str = "# nodeshim: begin";
const END: &str = "# nodeshim: end";

/// The text with `rules` as its block, or without a block if there are none; none if the text has
/// no filter table.
pub(super) fn replace(text: &str, rules: &[String]) -> Option<String> {
    if rules.is_empty() && !text.lines().any(|line| line == BEGIN) {
        return Some(text.to_owned());
    }
    let mut lines: Vec<&str> = without_block(text);
    if !rules.is_empty() {
        let at = place(&lines)?;
        let block = std::iter::once(BEGIN).chain(rules.iter().map(String::as_str)).chain([END]);
        lines.splice(at..at, block);
    }
    let mut replaced = lines.join("\n");
    // iptables-restore's older form refuses a last line without its end.
    if !replaced.is_empty() {
        replaced.push('\n');
    }
    Some(replaced)
}

fn without_block(text: &str) -> Vec<&str> {
    let mut inside = false;
    let keep = |line: &&str| match *line {
        BEGIN => {
            inside = true;
            false
        }
        END => !std::mem::take(&mut inside),
        _ => !inside,
    };
    // split, not lines: a carriage return is somebody else's business.
    text.strip_suffix('\n').unwrap_or(text).split('\n').filter(keep).collect()
}

/// The line before which new openings belong: INPUT's last rule that keeps everything out, else
/// the end of the filter table.
fn place(lines: &[&str]) -> Option<usize> {
    let start = lines.iter().position(|line| line.trim() == "*filter")?;
    let commit = lines.iter().skip(start).position(|line| line.trim() == "COMMIT")? + start;
    let closes = |line: &&str| {
        let mut words = line.split_whitespace();
        let is_input = words.next() == Some("-A") && words.next() == Some("INPUT");
        is_input && words.next() == Some("-j") && matches!(words.next(), Some("REJECT" | "DROP"))
    };
    let last = lines[start..commit].iter().rposition(closes);
    Some(last.map_or(commit, |at| start + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n\
                        -A INPUT -s 10.0.0.1 -j DROP\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n\
                        -A FORWARD -j REJECT\nCOMMIT\n";

    #[test]
    fn the_block_is_before_the_last_rule_that_rejects() {
        let rules = ["-A INPUT -p tcp --dport 80 -j ACCEPT".to_owned()];
        let with = replace(TEXT, &rules).unwrap();
        let lines: Vec<&str> = with.lines().collect();
        let at = lines.iter().position(|line| *line == BEGIN).unwrap();
        assert_eq!(lines[at - 1], "-A INPUT -s 10.0.0.1 -j DROP");
        assert_eq!(lines[at + 2..at + 4], [END, "-A INPUT -j REJECT --reject-with icmp-host-prohibited"]);
        assert_eq!(replace(&with, &rules).unwrap(), with);
        assert_eq!(replace(&with, &[]).unwrap(), TEXT);
    }

    #[test]
    fn without_a_rejecting_rule_it_is_at_the_end_of_the_filter_table() {
        let text = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n*nat\nCOMMIT";
        let with = replace(text, &["x".to_owned()]).unwrap();
        assert_eq!(with, format!("*filter\n:INPUT DROP [0:0]\n{BEGIN}\nx\n{END}\nCOMMIT\n*nat\nCOMMIT\n"));
        assert_eq!(replace("*nat\nCOMMIT\n", &["x".to_owned()]), None);
        assert_eq!(replace("*filter\nCOMMIT", &[]).unwrap(), "*filter\nCOMMIT");
    }
}
