//! Who is missing: wards with fewer contacts than their share, languages in which nobody writes. Channels that nobody uses stand among
//! the contacts by channel.

use super::{Chosen, Question, contacts_of, shares, tally};
use crate::core::language;
use crate::portal::report::table::{Cell, Drawn, Table, named};

/// Wards, those that miss most first.
pub(super) fn wards(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let counts = tally(question.ledger, &chosen.open, |entry| entry.ward);
    let of = |name: &str| question.ledger.find(name).and_then(|number| counts.get(number)).copied().unwrap_or_default();
    let postcodes: usize = question.wards.iter().map(|(_, n)| n).sum();
    let known: usize = question.wards.iter().map(|(name, _)| of(name)).sum();
    // Where no postcodes are loaded, wards are taken to be of one size.
    let weigh = |n: usize| if postcodes == 0 { (1, question.wards.len()) } else { (n, postcodes) };
    let mut rows: Vec<(f64, Vec<Cell>)> = question
        .wards
        .iter()
        .map(|(name, n)| {
            let (count, (part, whole)) = (of(name), weigh(*n));
            let expected = known as f64 * part as f64 / whole.max(1) as f64;
            let fewer = (expected - count as f64).round().max(0.0);
            let cells = vec![
                Cell::Text(name.clone()),
                Cell::share(count, known),
                Cell::share(part, whole),
                Cell::count(count),
                Cell::Count(fewer as i64),
            ];
            (fewer, cells)
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let missing: Vec<String> = rows
        .iter()
        .filter(|(fewer, cells)| *fewer > 0.0 && half_missing(cells))
        .map(|(_, cells)| cells[0].shown().into_owned())
        .collect();
    Table {
        name: "missing",
        title: "Who is missing, by ward".to_owned(),
        said: if missing.is_empty() {
            "No ward has fewer than half the contacts of its share.".to_owned()
        } else {
            format!("Fewer than half the contacts of its share: {}.", missing.join(", "))
        },
        method: if postcodes == 0 {
            "Each ward is taken to be of the same size, because no postcodes are loaded. Only contacts whose ward is known.".to_owned()
        } else {
            "A ward’s share is that of its postcodes among all that are loaded: nearly, and no more, how many people live there. Only \
             contacts whose ward is known."
                .to_owned()
        },
        columns: named(&["Ward", "Contacts, %", "Its share, %", "Contacts", "Fewer than its share by"]),
        rows: rows.into_iter().map(|(_, cells)| cells).collect(),
        drawn: Drawn::Pairs(2),
        value: 1,
    }
}

fn half_missing(cells: &[Cell]) -> bool {
    let number = |at: usize| cells.get(at).and_then(Cell::number).unwrap_or_default();
    number(1) < number(2) / 2.0
}

/// Languages: those that an answer is promised in, and others that came.
pub(super) fn languages(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let counts = tally(question.ledger, &chosen.open, |entry| Some(entry.language));
    let of = |code: &str| question.ledger.find(code).and_then(|number| counts.get(number)).copied().unwrap_or_default();
    let mut rows: Vec<(String, usize)> =
        language::ANSWERED.iter().map(|code| (language::name(code).to_owned(), of(code))).collect();
    let silent: Vec<String> = rows.iter().filter(|(_, n)| *n == 0).map(|(name, _)| name.clone()).collect();
    let others =
        counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(number, n)| (question.ledger.word(number), n));
    let others = others.filter(|(code, _)| !language::ANSWERED.contains(code));
    rows.extend(others.map(|(code, n)| (language::name(code).to_owned(), *n)));
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let elsewhere: usize = rows.iter().filter(|(name, _)| name != "English").map(|(_, n)| n).sum();
    let silent = match &silent[..] {
        [] => "Somebody wrote in each language that is answered.".to_owned(),
        some => format!("Nobody wrote in {}.", some.join(", ")),
    };
    Table {
        name: "languages",
        title: "Who is missing, by language".to_owned(),
        said: format!("{} not in English. {silent}", contacts_of(elsewhere)),
        method: "The language of the first message, as it was recognised; English where that was not sure.".to_owned(),
        columns: named(&["Language", "Contacts", "Share, %"]),
        rows: shares(rows),
        drawn: Drawn::Bars,
        value: 1,
    }
}
