//! `beadle bench campaign`: thousands of copies of one letter on one evening, beside as many different letters, from one run.

use super::bench::app;
use super::{home, progress, say};
use crate::app::App;
use crate::core::{Channel, Clock, Ids, RawMessage};
use crate::learning::dataset;
use crate::store::{self, args};
use crate::understanding::classifier::Target;
use clap::Args;
use std::path::Path;
use std::time::Instant;

#[derive(Debug, Args)]
pub(super) struct CampaignArgs {
    /// Letters of each kind.
    #[arg(long, default_value_t = 5_000)]
    letters: usize,
    /// Database to measure on; a new SQLite file in a temporary folder where absent. It is emptied before each measurement, so its name
    /// must end in `_bench`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// The letter of the campaign.
const LETTER: &str = "Dear Councillor,\r\n\r\nI am writing to ask you to save the library in Mill Lane. It is the only place in the \
    ward where children can do their homework in peace, and where older people can meet in winter without paying for anything. Closing \
    it would save the council very little. {own}Please vote against the plan on Tuesday.\r\n\r\nYours sincerely,\r\nResident {number}";
/// One in so many adds words of their own.
const WITH_OWN: usize = 3;
/// What they add; each says other numbers.
const OWN: &str = "I have lived near by for {years} years, and my family borrows {books} books in a month. ";
/// The different letters have at least as many words as a copy.
const WORDS: usize = 75;

/// Measures it.
pub(super) async fn campaign(args: CampaignArgs) -> anyhow::Result<()> {
    let texts = dataset::read(&home()?.join("training-data/messages"), Target::Service)?;
    let folder = tempfile::tempdir()?;
    measure(&args, &texts, folder.path()).await
}

async fn measure(args: &CampaignArgs, texts: &[dataset::Example], folder: &Path) -> anyhow::Result<()> {
    let mut others = texts.iter().cycle();
    let different = (0..args.letters).map(|number| {
        let (mut body, mut words) = (String::new(), 0);
        while words < WORDS {
            let Some(next) = others.next() else { break };
            words += next.text.split_whitespace().count();
            body += &format!("{}\r\n\r\n", next.text);
        }
        mail(number, "A letter", &body)
    });
    let app = app(folder, "different", args.database.as_deref(), true).await?;
    let apart = ingest(&app, different.collect(), "different letters").await?;
    drop(app);
    let copies = (0..args.letters).map(|number| {
        let own = OWN.replace("{years}", &number.to_string()).replace("{books}", &(number % 97).to_string());
        let own = if number % WITH_OWN == 1 { own } else { String::new() };
        mail(number, "Save our library", &LETTER.replace("{own}", &own).replace("{number}", &number.to_string()))
    });
    let app = super::bench::app(folder, "campaign", args.database.as_deref(), true).await?;
    let one = ingest(&app, copies.collect(), "copies of one letter").await?;
    let mut tx = app.pipeline.db.read().await?;
    let campaigns = store::campaign::list(&mut tx, 100).await?;
    let grouped: i64 = campaigns.iter().map(|campaign| campaign.letters).sum();
    let cases = tx.count("SELECT COUNT(*) FROM cases WHERE state <> 'joined'", args![]).await?;
    let to = "SELECT COUNT(*) FROM outbox WHERE party = $1";
    let (department, councillor) = (tx.count(to, args!["department"]).await?, tx.count(to, args!["councillor"]).await?);
    let acknowledged = tx.count("SELECT COUNT(*) FROM outbox WHERE purpose = 'acknowledgement'", args![]).await?;
    say(format!(
        "{} letters each, {}\n\
         different letters      {apart:.1} s, {:.1} ms each\n\
         copies of one letter   {one:.1} s, {:.1} ms each\n\
         copies/different       {:.2}\n\
         campaigns              {}, with {grouped} letters; {cases} cases stand by themselves\n\
         mails                  {department} to departments (councillor in copy), {councillor} to councillors, {acknowledged} acknowledgements",
        args.letters,
        app.pipeline.db.kind(),
        apart / args.letters as f64 * 1e3,
        one / args.letters as f64 * 1e3,
        one / apart,
        campaigns.len(),
    ));
    Ok(())
}

/// A mail from the resident of a number.
fn mail(number: usize, subject: &str, body: &str) -> Vec<u8> {
    format!(
        "Authentication-Results: mx.brackenmere.example; dmarc=pass header.from=home.example\r\nFrom: Resident {number} <resident{number}@home.example>\r\nTo: cllr.nowak@brackenmere.example\r\nSubject: {subject}\r\n\
         Message-ID: <{number}@home.example>\r\nDate: Mon, 2 Mar 2026 18:59:00 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

/// From the inbox to committed cases; how many seconds that took. What is put into the inbox beforehand is not counted.
async fn ingest(app: &App, mails: Vec<Vec<u8>>, what: &str) -> anyhow::Result<f64> {
    let all = mails.len();
    for (at, bytes) in mails.into_iter().enumerate() {
        let raw = RawMessage {
            channel: Channel::Email,
            account: "bench".to_owned(),
            external_id: at.to_string(),
            bytes,
            arrived_at: None,
        };
        let mut tx = app.pipeline.db.begin().await?;
        store::inbox::take_in(&mut tx, &Ids::Random, &raw, Clock::System.now()).await?;
        tx.commit().await?;
    }
    let (start, mut done) = (Instant::now(), 0);
    loop {
        let worked = app.pipeline.step(app.settings.service.batch).await?;
        if worked.is_idle() {
            break;
        }
        done += worked.done;
        progress(format!("{what}: {done} of {all}"));
    }
    Ok(start.elapsed().as_secs_f64())
}
