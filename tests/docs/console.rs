//! What a reader is shown of a terminal: commands after `$`, what they answer, and what is left out (`...`, `[..]`).

/// One command in a ```` ```console ```` block and the answer below it.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the command, from 1.
    pub line: usize,
    /// The command, its continuation lines (`> `) joined.
    pub command: String,
    /// The status it ends with, from a line `? 1` below the command; 0 without one.
    pub status: i32,
    /// What it answers on both streams.
    pub answer: Vec<String>,
    /// The lines of the answer, from 0, the end not included.
    span: (usize, usize),
}

/// Every step of a Markdown text, in order.
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in markdown.lines().enumerate() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside && fence.trim() == "console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            let span = (number + 1, number + 1);
            steps.push(Step { line: number + 1, command: command.to_owned(), status: 0, answer: Vec::new(), span });
        } else if let Some(step) = steps.last_mut() {
            let first = step.span == (number, number);
            match (line.strip_prefix("> "), line.strip_prefix("? ").and_then(|status| status.parse().ok())) {
                (Some(more), _) if first => {
                    step.command = format!("{}\n{more}", step.command);
                    step.span = (number + 1, number + 1);
                }
                (_, Some(status)) if first => {
                    step.status = status;
                    step.span = (number + 1, number + 1);
                }
                _ => {
                    step.answer.push(line.to_owned());
                    step.span.1 = number + 1;
                }
            }
        }
    }
    steps
}

/// Whether an answer is what is shown: `...` on a line of its own stands for any lines, `[..]` for anything in a line.
pub fn matches(shown: &[String], answer: &[&str]) -> bool {
    match (shown.split_first(), answer.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "..." => {
            (0..=answer.len()).any(|skipped| matches(rest, &answer[skipped..]))
        }
        (Some((shown, shown_rest)), Some((answer, answer_rest))) => {
            line_matches(shown, answer) && matches(shown_rest, answer_rest)
        }
        _ => false,
    }
}

fn line_matches(shown: &str, answer: &str) -> bool {
    let mut parts = shown.split("[..]");
    let (first, mut parts) = (parts.next().unwrap_or_default(), parts.peekable());
    let Some(mut rest) = answer.strip_prefix(first) else { return false };
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// The text with the answers of some steps replaced.
pub fn with_answers(markdown: &str, answers: &[(&Step, String)]) -> String {
    let mut lines: Vec<String> = markdown.lines().map(str::to_owned).collect();
    for (step, answer) in answers.iter().rev() {
        lines.splice(step.span.0..step.span.1, answer.lines().map(str::to_owned));
    }
    lines.join("\n") + "\n"
}

/// The calls of `mss` in a line of shell, as words; pipes, redirections, variables before the command and comments are left out.
pub fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls: Vec<Vec<String>> = vec![Vec::new()];
    let mut chars = line.chars().peekable();
    let (mut word, mut skip_next): (Option<String>, bool) = (None, false);
    let end_word = |word: &mut Option<String>, skip: &mut bool, calls: &mut Vec<Vec<String>>| {
        if let Some(word) = word.take()
            && !std::mem::take(skip)
        {
            calls.last_mut().expect("there is always a last call").push(word);
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let quoted = word.get_or_insert_default();
                quoted.extend(chars.by_ref().take_while(|next| *next != c));
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            '#' if word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            '|' | ';' | '&' | '\n' => {
                end_word(&mut word, &mut skip_next, &mut calls);
                calls.push(Vec::new());
            }
            '>' | '<' => {
                // `2>` has its number before it.
                word = None;
                skip_next = chars.peek() != Some(&'&');
                if !skip_next {
                    chars.next();
                    chars.next();
                }
            }
            c if c.is_whitespace() => end_word(&mut word, &mut skip_next, &mut calls),
            c => word.get_or_insert_default().push(c),
        }
    }
    end_word(&mut word, &mut skip_next, &mut calls);
    let variable = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let commands = calls.into_iter().map(|call| call.into_iter().skip_while(variable).collect::<Vec<_>>());
    commands.filter_map(as_mss).collect()
}

/// A call of `mss`, or of cargo that runs it.
fn as_mss(call: Vec<String>) -> Option<Vec<String>> {
    match call.first().map(String::as_str)? {
        "mss" => Some(call),
        "cargo" if call.get(1).is_some_and(|word| word == "run") => {
            let after = call.iter().position(|word| word == "--").map_or(call.len(), |at| at + 1);
            Some(std::iter::once("mss".to_owned()).chain(call[after..].iter().cloned()).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{calls, matches, steps, with_answers};

    const TEXT: &str = "Intro\n\n```sh\n$ not this\n```\n\n```console\n$ mss lookup durand\nNAME  PLACE\nDurand  Rennes\n\
        $ mss send \\\n> --to x\n? 64\nerror: [..]\n$ true\n```\n\nMore\n\n```console\n$ mss demo\n...\n```\n";

    #[test]
    fn steps_have_their_command_status_and_answer() {
        let steps = steps(TEXT);
        let seen: Vec<_> = steps.iter().map(|s| (s.line, s.command.as_str(), s.status, s.answer.len())).collect();
        assert_eq!(
            seen,
            [
                (8, "mss lookup durand", 0, 2),
                (11, "mss send \\\n--to x", 64, 1),
                (15, "true", 0, 0),
                (21, "mss demo", 0, 1)
            ]
        );
    }

    #[test]
    fn what_is_left_out_may_be_anything_and_the_rest_nothing_else() {
        let shown = |text: &str, answer: &str| {
            matches(&text.lines().map(str::to_owned).collect::<Vec<_>>(), &answer.lines().collect::<Vec<_>>())
        };
        assert!(shown("a\nb", "a\nb") && shown("a\n...", "a\nb\nc") && shown("...\nc", "c") && shown("", ""));
        assert!(shown("id [..] of [..] done", "id 7 of 9 of 9 done") && shown("[..]", "") == shown("[..]", ""));
        assert!(!shown("a\nb", "a") && !shown("a", "a\nb") && !shown("...\nc", "c\nd") && !shown("a[..]c", "ab"));
    }

    #[test]
    fn answers_are_replaced_in_their_place() {
        let steps = steps(TEXT);
        let text = with_answers(TEXT, &[(&steps[0], "nobody\n".to_owned()), (&steps[2], "yes\nno\n".to_owned())]);
        assert!(text.contains("$ mss lookup durand\nnobody\n$ mss send") && text.contains("$ true\nyes\nno\n```"));
        assert_eq!(with_answers(TEXT, &[]), TEXT);
    }

    #[test]
    fn calls_are_found_in_shell() {
        let found = |line: &str| calls(line).into_iter().map(|call| call.join("|")).collect::<Vec<_>>();
        assert_eq!(found("A_B=1 mss send --subject 'a b' > out 2>&1 | jq . # mss no"), ["mss|send|--subject|a b"]);
        assert_eq!(found("cargo run --release -- demo; mss a && echo mss"), ["mss|demo", "mss|a"]);
        assert_eq!(found("mss send \\\n  --to x < in\nmss fetch"), ["mss|send|--to|x", "mss|fetch"]);
    }
}
