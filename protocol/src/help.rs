//! What HELP answers: made of the rows of a container and its subcommands, so that it is written nowhere else.

use crate::Reply;
use crate::spec::Spec;
use crate::syntax::{self, usage};

/// Answers HELP of `container`, which may be in any case: how it is used and what for, then the same of each of its
/// subcommands among `specs`, by name. An array of status replies. Without its own row there are only the subcommands.
pub fn of_container<'a>(container: &[u8], specs: impl Iterator<Item = &'a Spec>, reply: &mut Reply) {
    let is_own = |spec: &&Spec| spec.container_name().as_bytes().eq_ignore_ascii_case(container);
    let mut specs: Vec<&Spec> = specs.filter(is_own).collect();
    // The container has the shortest name.
    specs.sort_by_key(|spec| spec.name);
    let lines: Vec<(String, &str)> = specs.into_iter().map(|spec| (line(spec), spec.summary)).collect();
    write(lines.iter().map(|(usage, summary)| (usage.as_str(), *summary)), reply);
}

/// Answers HELP where subcommands have no rows: how each is used, and what it does.
pub fn write<'a>(lines: impl ExactSizeIterator<Item = (&'a str, &'a str)>, reply: &mut Reply) {
    reply.array(lines.len() * 2);
    for (usage, summary) in lines {
        reply.simple(usage);
        reply.simple(&format!("    {summary}"));
    }
}

/// How a container or one of its subcommands is used: `OBJECT subcommand [argument ...]`, `ENCODING key`.
fn line(spec: &Spec) -> String {
    let Some(sub) = spec.sub_name() else {
        let arguments = if spec.accepts(1) { "[subcommand [argument ...]]" } else { "subcommand [argument ...]" };
        return format!("{} {arguments}", spec.name.to_ascii_uppercase());
    };
    // A row's syntax is checked by a test, so that a mistake shows there and not here.
    let arguments = usage(&syntax::parse(spec.syntax).unwrap_or_default());
    format!("{} {arguments}", sub.to_ascii_uppercase()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Resp;
    use crate::spec::Group;

    #[test]
    fn a_container_is_explained_by_its_rows() {
        let row =
            |name, arity, summary, syntax| Spec::new(name, arity, Group::Server, "1.0.0").doc("", summary, syntax);
        let specs = [
            row("thing|set", -3, "Sets it.", "key [EX seconds]"),
            row("thing", -2, "Is about things.", "").container(),
            row("thing|help", 2, "Helps.", ""),
            row("things|no", 2, "Is about others.", ""),
            row("command", -1, "Lists.", "").container(),
        ];
        let help = |container: &[u8]| {
            let mut reply = Reply::new(Resp::Two);
            of_container(container, specs.iter(), &mut reply);
            String::from_utf8_lossy(&reply.take()).replace("\r\n", "|")
        };
        assert_eq!(
            help(b"THING"),
            "*6|+THING subcommand [argument ...]|+    Is about things.|+HELP|+    Helps.|+SET key [EX seconds]|+    Sets it.|"
        );
        assert_eq!(help(b"command"), "*2|+COMMAND [subcommand [argument ...]]|+    Lists.|");
        assert_eq!(help(b"nosuch"), "*0|");
    }
}
