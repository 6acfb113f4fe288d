//! People and councillors from a table: what each row is to be, or what is wrong with it, by line.

use crate::core::{Address, Council, Councillor, Role};
use crate::portal::admin::people::is_user_name;
use std::collections::BTreeSet;

/// The columns, as the page names them.
pub(super) const COLUMNS: [&str; 6] = ["name", "user_name", "email", "role", "councillor", "wards"];
/// An example to begin with.
pub(super) const SAMPLE: &str = "name,user_name,email,role,councillor,wards\r\n\
    Cllr Grace Adeyemi,g.adeyemi,cllr.adeyemi@brackenmere.example,councillor,adeyemi,Abbey\r\n\
    Cllr Marek Nowak,m.nowak,cllr.nowak@brackenmere.example,councillor,nowak,Station; Canalside\r\n\
    Jo Harrow,j.harrow,,gatekeeper,,\r\n\
    Sam Lake,s.lake,,gatekeeper,nowak,\r\n\
    Ada Quill,a.quill,,administrator,,\r\n";
/// Most rows at once.
const MOST_ROWS: usize = 1_000;
/// Longest of what stands in a cell, in characters.
const LONGEST: usize = 100;

/// One account to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) user_name: String,
    pub(super) email: Option<String>,
    pub(super) role: Role,
    /// Whom the role is for.
    pub(super) councillor: Option<String>,
}

/// All that a table is to bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) people: Vec<Person>,
    /// Councillors that are not known yet.
    pub(super) councillors: Vec<Councillor>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Line of the file, counted from one; the first holds the names of the columns.
    pub(super) line: u64,
    pub(super) what: String,
}

fn fault(line: u64, what: impl Into<String>) -> Fault {
    Fault { line, what: what.into() }
}

/// What the table of an installation is held against.
pub(super) struct Known<'a> {
    pub(super) council: &'a Council,
    pub(super) user_names: &'a BTreeSet<String>,
    /// Wards of the boundary file; none where there is no file.
    pub(super) wards: &'a [String],
}

/// A row of the table, cell by cell.
struct Row {
    line: u64,
    cells: [String; 6],
}

/// Reads a table as a whole.
///
/// # Errors
/// All that is wrong with it, line by line; then nothing of it is to be used.
pub(super) fn read(text: &str, known: &Known<'_>) -> Result<Table, Vec<Fault>> {
    let rows = rows(text)?;
    let mut faults = Vec::new();
    let mut table = Table::default();
    // Councillors first: a gatekeeper may stand above whom they act for.
    for row in rows.iter().filter(|row| row.role() == "councillor") {
        match councillor(row, known) {
            Ok(one) if table.councillors.iter().any(|other| other.id == one.id) => {
                faults.push(fault(row.line, format!("the councillor ‘{}’ stands twice", one.id)));
            }
            Ok(one) if known.council.councillor(&one.id).is_some() => {
                if known.council.councillor(&one.id).is_some_and(|other| !other.email.eq_ignore_ascii_case(&one.email))
                {
                    faults.push(fault(row.line, format!("there is another councillor with the key ‘{}’", one.id)));
                }
            }
            Ok(one) => table.councillors.push(one),
            Err(what) => faults.push(fault(row.line, what)),
        }
    }
    let mut keys: BTreeSet<String> = table.councillors.iter().map(|c| c.id.clone()).collect();
    keys.extend(known.council.councillors.iter().map(|c| c.id.clone()));
    let mut names = known.user_names.clone();
    for row in &rows {
        match person(row, &keys) {
            Ok(person) if !names.insert(person.user_name.clone()) => {
                faults.push(fault(row.line, format!("the user name ‘{}’ is taken", person.user_name)));
            }
            Ok(person) => table.people.push(person),
            Err(what) if faults.iter().any(|known| known.line == row.line && known.what == what) => {}
            Err(what) => faults.push(fault(row.line, what)),
        }
    }
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(table) } else { Err(faults) }
}

fn rows(text: &str) -> Result<Vec<Row>, Vec<Fault>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let header =
        reader.headers().map_err(|_| vec![fault(1, "this is no table with commas between its cells (CSV)")])?;
    let header: Vec<String> = header.iter().map(|cell| cell.to_lowercase().replace([' ', '-'], "_")).collect();
    let mut places = [None; 6];
    for (at, cell) in header.iter().enumerate() {
        match COLUMNS.iter().position(|column| column == cell) {
            Some(column) if places[column].is_none() => places[column] = Some(at),
            Some(_) => return Err(vec![fault(1, format!("the column ‘{cell}’ stands twice"))]),
            None => {
                let what = format!("there is no column ‘{cell}’; the columns are {}", COLUMNS.join(", "));
                return Err(vec![fault(1, what)]);
            }
        }
    }
    if let Some(column) = [0, 1, 3].into_iter().find(|column| places[*column].is_none()) {
        return Err(vec![fault(1, format!("the column ‘{}’ is missing", COLUMNS[column]))]);
    }
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (at, record) in reader.records().enumerate() {
        let Ok(record) = record else {
            faults.push(fault(at as u64 + 2, "the line cannot be read: it has to be text in UTF-8"));
            continue;
        };
        let line = record.position().map_or(at as u64 + 2, |place| line_of(text, place));
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() > header.len() {
            faults.push(fault(line, "there are more cells than columns; put what has a comma in it between quotes"));
            continue;
        }
        let cell = |place: Option<usize>| place.and_then(|at| record.get(at)).unwrap_or_default().to_owned();
        let row = Row { line, cells: places.map(cell) };
        if row.cells.iter().any(|cell| cell.chars().count() > LONGEST || cell.chars().any(char::is_control)) {
            faults.push(fault(line, "a cell is longer than 100 characters, or has signs in it that cannot be shown"));
            continue;
        }
        rows.push(row);
    }
    if rows.is_empty() && faults.is_empty() {
        faults.push(fault(2, "there is nobody in the file"));
    }
    if rows.len() > MOST_ROWS {
        faults.push(fault(1, "there are more than 1,000 rows; bring them in several files"));
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// The line in which a record begins. The reader counts from the end of the one before, empty lines and all.
fn line_of(text: &str, place: &csv::Position) -> u64 {
    let from = usize::try_from(place.byte()).unwrap_or_default();
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    place.line() + empty as u64
}

impl Row {
    fn name(&self) -> &str {
        &self.cells[0]
    }

    fn user_name(&self) -> String {
        self.cells[1].to_lowercase()
    }

    fn email(&self) -> &str {
        &self.cells[2]
    }

    fn role(&self) -> String {
        self.cells[3].to_lowercase()
    }

    /// Key of a councillor: as it stands, or made of the last word of a councillor's name.
    fn key(&self) -> String {
        let written = self.cells[4].to_lowercase();
        if !written.is_empty() || self.role() != "councillor" {
            return written;
        }
        let last = self.name().split_whitespace().last().unwrap_or_default().to_lowercase();
        last.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
    }

    fn wards(&self) -> Vec<String> {
        self.cells[5].split(';').map(str::trim).filter(|ward| !ward.is_empty()).map(str::to_owned).collect()
    }
}

fn councillor(row: &Row, known: &Known<'_>) -> Result<Councillor, String> {
    let id = row.key();
    if id.is_empty()
        || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
    {
        return Err(
            "the councillor needs a key of small letters and digits, such as nowak, in the column ‘councillor’"
                .to_owned(),
        );
    }
    if Address::new(row.email(), None).is_none() {
        return Err("a councillor needs an email address: they are copied on what goes to departments".to_owned());
    }
    let mut wards = Vec::new();
    for ward in row.wards() {
        let spelt = known.wards.iter().find(|known| known.eq_ignore_ascii_case(&ward));
        match spelt {
            Some(spelt) => wards.push(spelt.clone()),
            None if known.wards.is_empty() => wards.push(ward),
            None => return Err(format!("there is no ward ‘{ward}’ in the file of wards")),
        }
    }
    Ok(Councillor { id, name: row.name().to_owned(), email: row.email().to_owned(), wards })
}

fn person(row: &Row, keys: &BTreeSet<String>) -> Result<Person, String> {
    if row.name().is_empty() || row.name().chars().count() > 60 {
        return Err("the name is missing, or longer than 60 characters".to_owned());
    }
    let user_name = row.user_name();
    if !is_user_name(&user_name) {
        return Err("the user name has to be 3 to 60 letters, digits, dots and hyphens, such as j.harrow".to_owned());
    }
    let role: Role = row
        .role()
        .parse()
        .map_err(|_| format!("the role is ‘{}’; it has to be administrator, gatekeeper or councillor", row.cells[3]))?;
    if !row.email().is_empty() && Address::new(row.email(), None).is_none() {
        return Err(format!("‘{}’ is no email address", row.email()));
    }
    let key = row.key();
    if role != Role::Councillor && !row.wards().is_empty() {
        return Err("only councillors have wards".to_owned());
    }
    if role == Role::Administrator && !key.is_empty() {
        return Err("an administrator is for no councillor in particular: leave that cell empty".to_owned());
    }
    if role == Role::Gatekeeper && !key.is_empty() && !keys.contains(&key) {
        return Err(format!("there is no councillor ‘{key}’"));
    }
    let email = (!row.email().is_empty()).then(|| row.email().to_owned());
    Ok(Person { name: row.name().to_owned(), user_name, email, role, councillor: (!key.is_empty()).then_some(key) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn council() -> Council {
        Council {
            name: "B".into(),
            councillors: vec![Councillor {
                id: "malik".into(),
                name: "Cllr Malik".into(),
                email: "m@b.example".into(),
                wards: vec![],
            }],
            address: Address::new("c@b.example", None).unwrap(),
            plus_addressing: true,
            authserv_id: None,
            own_addresses: vec![],
            portal_url: None,
            public_url: None,
        }
    }

    fn read_with(text: &str, wards: &[&str]) -> Result<Table, Vec<String>> {
        let (council, names) = (council(), BTreeSet::from(["administrator".to_owned()]));
        let wards: Vec<String> = wards.iter().map(|w| (*w).to_owned()).collect();
        let known = Known { council: &council, user_names: &names, wards: &wards };
        read(text, &known).map_err(|faults| faults.iter().map(|f| format!("{}: {}", f.line, f.what)).collect())
    }

    #[test]
    fn the_sample_that_can_be_downloaded_is_right() {
        let table = read_with(SAMPLE, &["Abbey", "Station", "Canalside"]).unwrap();
        assert_eq!((table.people.len(), table.councillors.len()), (5, 2));
        assert_eq!(table.councillors[1].wards, ["Station", "Canalside"]);
        assert_eq!(table.people[3].councillor.as_deref(), Some("nowak"));
    }

    #[test]
    fn each_error_is_named_by_its_line_and_nothing_is_taken() {
        let text = "name,user_name,role,councillor,email,wards\nAnn,ann,gatekeeper,nobody,,\n\nBo,b o,gatekeeper,,,\n\
                    Cy,cyd,king,,,\nDi,administrator,administrator,,,\nCllr Eve,eve,councillor,,,\nCllr Flo,flo,councillor,,f@b.example,Nowhere\n";
        let faults = read_with(text, &["Abbey"]).unwrap_err();
        let lines: Vec<&str> = faults.iter().map(|f| f.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["2", "4", "5", "6", "7", "8"], "{faults:?}");
        assert!(faults[4].contains("email address") && faults[5].contains("no ward ‘Nowhere’"), "{faults:?}");
    }

    #[test]
    fn columns_may_stand_in_any_order_and_what_is_no_table_is_said() {
        let table = read_with("Role,Name,User name\r\ngatekeeper,Ann Lane,A.Lane\r\n", &[]).unwrap();
        assert_eq!(table.people[0].user_name, "a.lane");
        for (text, says) in [
            ("", "missing"),
            ("name,user_name,role\n", "nobody in the file"),
            ("name,user_name,role,age\nAnn,ann,gatekeeper,7\n", "no column ‘age’"),
            ("name,role\nAnn,gatekeeper\n", "‘user_name’ is missing"),
            ("name,user_name,role\nLane, Ann,ann,gatekeeper\n", "more cells than columns"),
        ] {
            let faults = read_with(text, &[]).unwrap_err();
            assert!(faults[0].contains(says), "{text}: {faults:?}");
        }
    }

    #[test]
    fn a_councillor_who_is_known_already_only_gets_an_account() {
        let table =
            read_with("name,user_name,role,councillor,email\nCllr Malik,malik,councillor,malik,M@b.example\n", &[]);
        let table = table.unwrap();
        assert!(table.councillors.is_empty());
        assert_eq!(table.people[0].councillor.as_deref(), Some("malik"));
        let other = read_with("name,user_name,role,councillor,email\nCllr Z,zed,councillor,malik,z@b.example\n", &[]);
        assert!(other.unwrap_err()[0].contains("another councillor"));
    }
}
