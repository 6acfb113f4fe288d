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

/// What pages may ask for what residents wrote, and by which way they ask the table of `core/access` first.
#[test]
fn pages_reach_what_is_kept_of_a_case_only_where_the_table_is_asked() {
    let asks = [
        ("timeline.rs", "may_read"),
        ("files.rs", "may_read"),
        ("officer/view.rs", "eyes"),
        ("councillor/one.rs", "eyes"),
        // It shows that something came, and when; not a word of it.
        ("private.rs", "heading"),
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal");
    let (mut folders, mut found) = (vec![root.clone()], std::collections::BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if ["store::message::of_case(", "store::attachment::of_case(", "store::note::of_case("]
                .iter()
                .any(|call| text.contains(call))
            {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                let way = asks.iter().find(|(file, _)| *file == name).map(|(_, way)| *way);
                assert!(
                    way.is_some_and(|way| text.contains(way)),
                    "{name} reads what is kept of a case past the table of core/access"
                );
                found.insert(name);
            }
        }
    }
    assert_eq!(found.len(), asks.len(), "{found:?}");
}
