//! The house keeps its floors: a room imports only what is on a floor below it, and rooms of one floor never import each
//! other. `ARCHITECTURE.md` draws the floors; this test reads the `crate::` paths of every file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Floors from the ground up.
const FLOORS: &[&[&str]] = &[
    &["core"],
    &["store", "channels", "understanding", "routing"],
    &["intake", "casework", "outbox"],
    &["desk", "collect"],
    &["pipeline"],
    &["portal", "learning"],
    &["telemetry"],
    &["config"],
    &["app"],
    &["commands"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Rooms that the code of a file names as `crate::room`, comments left out.
fn imports(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut rooms = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.extend(std::iter::once(std::mem::take(&mut word))),
                    _ if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            rooms.insert(word);
        } else {
            rooms.insert(part.to_owned());
        }
    }
    rooms
        .into_iter()
        .map(|r| {
            r.trim().split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default().to_owned()
        })
        .filter(|r| !r.is_empty())
        .collect()
}

#[test]
fn a_room_imports_only_what_is_on_a_floor_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut breaches = Vec::new();
    for file in all {
        let inside = file.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        let own = floor(&room)
            .unwrap_or_else(|| panic!("{room} stands on no floor: add it to FLOORS and to ARCHITECTURE.md"));
        for other in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(theirs) = floor(&other) else { continue };
            if other != room && theirs >= own {
                breaches.push(format!("{} imports crate::{other}", inside.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_grouped_and_nested_ones() {
    let text = "use crate::{config::Settings, telemetry};\n// crate::portal\nlet x = crate::store::Db;\nuse crate::core::{A, B};";
    let rooms: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(rooms, ["config", "core", "store", "telemetry"]);
}

/// What pages may ask for what is kept of a case and its people, and the way in which the function that does so asks first who may read it.
#[test]
fn pages_reach_what_is_kept_of_a_case_only_where_the_table_is_asked() {
    let calls = [
        "message::of_case(",
        "attachment::of_case(",
        "note::of_case(",
        "decision::of_case(",
        "outbox::of_case(",
        "campaign::letters(",
        "person::points(",
        "person::own_points(",
    ];
    let asks = [
        ("timeline.rs", "may_read("),
        ("files.rs", "may_read("),
        ("officer/view.rs", "officers_eyes("),
        ("councillor/one.rs", "may_read("),
        ("case_page.rs", "gatekeepers_eyes("),
        ("campaign.rs", "only_of("),
        ("who.rs", "reaches("),
        // It shows that something came, and when; not a word of it.
        ("private.rs", "heading"),
        // Whoever has the link sees what they did themselves, and whether the mail that takes it there has gone.
        ("form/trail.rs", "Gone::"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal");
    let (mut all, mut found) = (Vec::new(), BTreeSet::new());
    files(&root, &mut all);
    for path in all {
        let (name, text) =
            (path.strip_prefix(&root).unwrap().display().to_string(), fs::read_to_string(&path).unwrap());
        let way = asks.iter().find(|(file, _)| *file == name).map(|(_, way)| *way);
        for (at, call) in calls.iter().flat_map(|call| text.match_indices(call)) {
            assert!(
                way.is_some_and(|way| function_around(&text, at).contains(way)),
                "{name} reads what is kept of a case past the table of core/access: {call}"
            );
            found.insert(name.clone());
        }
    }
    assert_eq!(found.len(), asks.len(), "{found:?}");
}

/// The function in which something stands, as far as its lines tell.
fn function_around(text: &str, at: usize) -> &str {
    let start = text[..at].rfind("fn ").unwrap_or(0);
    let end = text[at..].find("\nfn ").into_iter().chain(text[at..].find("async fn ")).min();
    &text[start..end.map_or(text.len(), |end| at + end)]
}

#[test]
fn the_reader_of_functions_sees_one_and_not_its_neighbours() {
    let text =
        "async fn one() {\n    a();\n}\n\nasync fn two() {\n    b();\n    c();\n}\n\nfn three() {\n    d();\n}\n";
    let around = function_around(text, text.find("b()").unwrap());
    assert!(around.contains("c()") && !around.contains("a()") && !around.contains("d()"), "{around}");
}
