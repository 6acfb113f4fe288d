use super::*;
use proptest::prelude::*;
use std::path::PathBuf;

fn check(mail: &str, text: &str) {
    let folded = fold(mail);
    assert_eq!(folded.text, text, "folded away: {}", folded.folded);
    assert_nothing_lost(mail, &folded);
}

fn assert_nothing_lost(mail: &str, folded: &Folded) {
    let lines = |t: &str| t.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut before = lines(mail);
    let mut after = [lines(&folded.text), lines(&folded.folded)].concat();
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

#[test]
fn a_reply_above_the_quote_is_kept_and_the_quote_folded_in_many_languages() {
    for attribution in [
        "On Fri, 3 May 2024 at 10:22, Council <c@council.example> wrote:",
        "On Fri, 3 May 2024 at 10:22, The Customer Services Team <\nc@council.example> wrote:",
        "On 3 May 2024, at 10:22, Cllr Jones wrote:",
        "On 03/05/2024 10:22, Cllr Jones wrote:",
        "Am 03.05.24 um 10:22 schrieb Rat <c@council.example>:",
        "Rat <c@council.example> schrieb am Fr., 3.\nMai 2024 um 10:22 Uhr:",
        "Le ven. 3 mai 2024 à 10:22, Mairie <c@council.example> a écrit :",
        "El vie, 3 may 2024 a las 10:22, Consejo (<c@council.example>) escribió:",
        "Il giorno ven 3 mag 2024 alle ore 10:22 Comune <c@council.example> ha\nscritto:",
        "Em sex., 3 de mai. de 2024 às 10:22, Câmara <c@council.example> escreveu:",
        "Op vr 3 mei 2024 om 10:22 schreef Raad <c@council.example>:",
        "pt., 3 maj 2024 o 10:22 Rada <c@council.example> napisał(a):",
        "W dniu 03.05.2024 o 10:22, Rada <c@council.example> pisze:",
        "Den fre 3 maj 2024 kl 10:22 skrev Råd <c@council.example>:",
        "пт, 3 мая 2024 г. в 10:22, Council <c@council.example>:",
        "Council <c@council.example>, 3 May 2024 Cum, 10:22 tarihinde şunu yazdı:",
        "Council <c@council.example> 于2024年5月3日周五 10:22写道：",
        "في الجمعة، 3 مايو 2024 في 10:22 ص تمت كتابة ما يلي بواسطة Council <c@council.example>:",
        "शुक्र, 3 मई 2024 को 10:22 am बजे को Council <c@council.example> ने लिखा:",
        "Pada Jum, 3 Mei 2024 pada 10:22 Council <c@council.example> menulis:",
        "---- On Fri, 03 May 2024 10:22:36 +0100 Council <c@council.example> wrote ----",
        "-----Original Message-----\nFrom: Council\nSent: 3 May 2024\nTo: Ann\nSubject: Your report",
        "________________________________\nFrom: Council <c@council.example>\nSent: Friday, May 3, 2024 10:22 AM\nTo: Ann\nSubject: Your report",
        "*Von:* Rat\n*Gesendet:* 3. Mai 2024\n*An:* Ann\n*Betreff:* Meldung",
        "De : Mairie\nEnvoyé : vendredi 3 mai 2024\nÀ : Ann\nObjet : Signalement",
        "Od: Rada\nWysłano: 3 maja 2024\nDo: Ann\nTemat: Zgłoszenie",
        "发件人: 议会\n发送时间: 2024年5月3日\n收件人: Ann\n主题: 报告",
    ] {
        for quote in ["> We will look into it.\n> Regards", "We will look into it.\n\nRegards"] {
            check(&format!("It is still there.\n\nAnn\n\n{attribution}\n\n{quote}"), "It is still there.\n\nAnn");
        }
    }
}

#[test]
fn answers_between_quoted_lines_are_the_residents_words() {
    let mail = "On Fri, 3 May 2024 at 10:22, Council <c@council.example> wrote:\n> Which street?\n\nHigh Street\n\n> Since when?\nSince Monday\n\n\
                > Regards\n-- \nAnn";
    check(mail, "High Street\n\nSince Monday");
}

#[test]
fn answers_announced_below_an_unmarked_quote_stay_in_view() {
    let block = "From: Council\nSent: 3 May 2024\nTo: Ann\nSubject: Your report\n\nWhich street? HIGH STREET";
    let folded = fold(&format!("Please see my answers below in capitals.\n\n{block}"));
    assert!(folded.text.contains("HIGH STREET"), "{folded:?}");
    for above in ["It is High Street.", "Thank you for your email below, but the flat below mine is still noisy."] {
        assert!(fold(&format!("{above}\n\n{block}")).folded.contains("HIGH STREET"), "{above}");
    }
}

#[test]
fn a_forward_without_own_words_keeps_what_was_forwarded() {
    for above in [
        "",
        "FYI\n\n",
        "Sent from my iPhone\n\n",
        "For information, please deal with this.\nThanks\nAnn Smith\n\n",
        "Hi Jim,\n\n",
        "Please see below from my neighbour.\n\n",
    ] {
        for head in [
            "Begin forwarded message:\n\n",
            "---------- Forwarded message ---------\n",
            "________________\n",
            "-------- Weitergeleitete Nachricht --------\n",
        ] {
            let mail = format!(
                "{above}{head}From: Bob <b@example.org>\nDate: 3 May 2024\nSubject: Tree\nTo: Ann\n\nThe tree has fallen.\n"
            );
            let folded = fold(&mail);
            assert!(folded.text.contains("The tree has fallen."), "{mail}: {folded:?}");
            assert_nothing_lost(&mail, &folded);
        }
    }
    let mail = "Can you get this tree moved, it blocks our drive.\n\nBegin forwarded message:\n\n> From: Bob\n>\n> The tree has fallen.";
    check(mail, "Can you get this tree moved, it blocks our drive.");
}

#[test]
fn a_mail_that_is_only_a_quote_stays() {
    check("> one\n> two", "> one\n> two");
    check("-- \nAnn", "-- \nAnn");
    check("Sent from my iPhone", "Sent from my iPhone");
}

#[test]
fn sentences_that_only_look_like_marks_are_kept() {
    for letter in [
        "On 3 May 2024 your officer wrote:\n\nWe will fix it.\n\nThis never happened.",
        "I rang at 10:30 and the man wrote:\nNothing to do with us.",
        "Thank you for this.\nOn Monday the bins were missed.\nThen nobody wrote: not even you.",
        "Dear Cllr Jones,\n\nFrom: 12 High Street\nI want to complain.",
        "From: Ann Smith, 12 High Street\nTo: Cllr Jones\nDate: 3 May\nSubject: potholes\n\nThere is a pothole.",
        "Sent from my desk, is much easier than my mobile phone.\nThe letter I wrote was lost.",
        "This email is confidential, please do not pass my name to the department.\n\nMy manager takes money.",
        "The road is closed -- again.\n--\nWe were promised that it would be open by Monday, and every shop in this street has lost a week of trade because \
         of it. What will you do about it, and who pays the shops for what they have lost this week and the week before? I expect an answer soon, \
         and so do the forty people who signed the petition I left at your office.",
    ] {
        let folded = fold(letter);
        assert_eq!(folded.folded, "", "{letter}");
    }
}

#[test]
fn signatures_telephones_disclaimers_and_banners_are_folded() {
    let long = "This email and any attachments are confidential and intended solely for the addressee.\nIf you are not the intended recipient, delete it.";
    for closing in [
        "-- \nAnn Smith\n12 High Street",
        "--\nAnn Smith\n12 High Street",
        "Sent from my iPhone",
        "Sent from my Galaxy, please excuse typos",
        "Get Outlook for Android<https://aka.ms/x>",
        "Gesendet von meinem iPhone",
        "Envoyé de mon iPhone",
        "Отправлено из Почты Mail.ru",
        "Sent from Yahoo Mail on Android",
        "Virus-free. www.avast.com",
        long,
        &format!("________________\n\n{long}\n\nSent from my iPad"),
    ] {
        check(&format!("The lamp is out.\nAnn\n\n{closing}"), "The lamp is out.\nAnn");
    }
    check(
        "CAUTION: This email originated from outside of the organisation. Do not click links.\n\nThe lamp is out.",
        "The lamp is out.",
    );
}

#[test]
fn a_long_text_is_folded_in_no_time() {
    for line in [
        "On 3 May 2024 at 10:22 x <a@b\n",
        "From: a\n",
        "wrote:\n",
        "-- \n",
        "> \n",
        "a\n\n",
        "----\n",
        "Sent from my \n",
        "----- Forwarded message -----\n",
    ] {
        let text = line.repeat(300_000 / line.len());
        let begun = std::time::Instant::now();
        let folded = fold(&text);
        assert!(begun.elapsed().as_secs() < 20, "{line:?} took {:?}", begun.elapsed());
        assert_nothing_lost(&text, &folded);
    }
}

const POOL: &[&str] = &[
    "",
    "",
    "The lamp is out.",
    "Dear Cllr Jones,",
    "> quoted",
    ">> deeper",
    "On Fri, 3 May 2024 at 10:22, A <a@b.example> wrote:",
    "wrote:",
    "On Fri, 3 May 2024 at 10:22, A <",
    "a@b.example> wrote:",
    "From: A <a@b.example>",
    "Sent: 3 May 2024",
    "To: B",
    "Subject: x",
    "-----Original Message-----",
    "Begin forwarded message:",
    "-- ",
    "--",
    "____________",
    "Sent from my iPhone",
    "FYI",
    "| bar",
    "Ann> old",
    "see my answers below",
    "Regards",
    "This email is confidential and intended for the addressee",
    "CAUTION: external email",
    "\u{1427}",
];

proptest! {
    #[test]
    fn every_line_comes_out_exactly_once(picks in proptest::collection::vec(0..POOL.len(), 0..25)) {
        let mail = picks.iter().map(|n| POOL[*n]).collect::<Vec<_>>().join("\n");
        let folded = fold(&mail);
        assert_nothing_lost(&mail, &folded);
        prop_assert!(is_blank(&mail) || !is_blank(&folded.text));
    }

    #[test]
    fn any_text_at_all_comes_out_whole(mail in "(\\PC|\n|> |: |--|wrote){0,60}") {
        assert_nothing_lost(&mail, &fold(&mail));
    }
}

/// How many of discourse's expected results we give, measured where the corpora are; see the module's rule for why the
/// rest differ on purpose (quotes between answers are folded here, text below an old-style quote is not).
#[test]
fn most_of_discourses_fixtures_give_the_expected_text() {
    let base = std::env::var_os("BEADLE_CORPORA").map(|dir| PathBuf::from(dir).join("reply_discourse_trimmer/test"));
    let Some((base, expected)) =
        base.and_then(|base| std::fs::read_dir(base.join("trimmed")).ok().map(|dir| (base, dir)))
    else {
        println!("no corpora here (BEADLE_CORPORA): skipped");
        return;
    };
    let squash = |t: &str| t.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut same, mut all) = (0, 0);
    for file in expected {
        let path = file.unwrap().path();
        let mail = std::fs::read(base.join("emails").join(path.file_name().unwrap())).unwrap();
        let mail = crate::intake::text::normalise(&String::from_utf8_lossy(&mail));
        let folded = fold(&mail);
        assert_nothing_lost(&mail, &folded);
        let wanted = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        all += 1;
        if squash(&folded.text) == squash(&wanted) {
            same += 1;
        } else {
            println!("differs: {}", path.file_name().unwrap().display());
        }
    }
    println!("{same} of {all} as expected");
    assert!(same * 100 >= all * 85, "{same} of {all}");
}
