//! The front door of an installation: one address for the portals of its councils, each reached by the names that are its own. What is
//! a council's is in its own settings, database and keys; they share the address, the encoder, and nothing else.

use crate::config::Settings;
use anyhow::bail;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// So long a request waits for a portal that is just being opened.
const OPENING: Duration = Duration::from_secs(20);

/// The way to one council's portal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    /// Names without port, in lower case, that lead here.
    names: Arc<[String]>,
    pages: watch::Sender<Option<Router>>,
}

impl Door {
    fn new(names: Vec<String>) -> Self {
        Self { names: names.into(), pages: watch::Sender::new(None) }
    }

    /// Leads to these pages from now on: whoever came before waits, and what is being answered is answered by the pages before.
    pub fn open(&self, pages: Router) {
        self.pages.send_replace(Some(pages));
    }

    async fn answer(&self, request: Request) -> Response {
        let mut pages = self.pages.subscribe();
        let open = tokio::time::timeout(OPENING, pages.wait_for(Option::is_some)).await;
        let pages = open.ok().and_then(Result::ok).and_then(|pages| pages.clone());
        match pages {
            Some(pages) => pages.oneshot(request).await.into_response(),
            None => {
                let said = "This service is starting or ending. Try again in a minute.\n";
                (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "60")], said).into_response()
            }
        }
    }
}

/// The front door.
#[derive(Clone, Debug)]
pub struct Front {
    doors: Arc<[Door]>,
}

impl Front {
    /// The front door of these councils. Where there is one only, whatever name is asked for leads to it, and it decides itself.
    ///
    /// # Errors
    /// When two councils share what would mix them: a database, a folder for settings or for what they keep, or a name; or when one of
    /// several has no name of its own.
    pub fn of(councils: &[Settings]) -> anyhow::Result<Self> {
        if let [_] = councils {
            return Ok(Self::alone());
        }
        let (mut databases, mut folders, mut taken) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut kept = BTreeMap::new();
        let mut doors = Vec::new();
        for settings in councils {
            let council = settings.council.name.as_str();
            let folder = real(&settings.base);
            not_shared(&mut databases, settings.database_url()?, council, "database")?;
            not_shared::<PathBuf>(&mut folders, folder, council, "folder of their settings files")?;
            for (folder, kind) in [
                (Some(settings.set_up_folder()), "folder of their databases, where what they keep lies beside"),
                (Some(settings.spool()?), "folder for texts that wait ([service] spool)"),
                (Some(settings.learning()?.folder), "folder of what they learned ([learning] dir)"),
                (
                    settings.smtp.folder.as_ref().map(|folder| settings.path(folder)),
                    "folder that mail is written to ([smtp] folder)",
                ),
            ] {
                let Some(folder) = folder else { continue };
                // The same council may keep several things in one place.
                let theirs = (kind, real(&folder));
                not_shared(&mut kept, theirs, council, kind)?;
            }
            let names = names(settings);
            if names.is_empty() {
                bail!(
                    "{council} has no name of its own: where several councils are served, each needs [portal] public_url or allowed_hosts"
                );
            }
            for name in &names {
                not_shared(&mut taken, name.clone(), council, "name of the portal")?;
            }
            doors.push(Door::new(names));
        }
        Ok(Self { doors: doors.into() })
    }

    /// The front door of one council.
    #[must_use]
    pub fn alone() -> Self {
        Self { doors: [Door::new(Vec::new())].into() }
    }

    /// The door of the council that was named at this place.
    #[must_use]
    pub fn door(&self, place: usize) -> Option<&Door> {
        self.doors.get(place)
    }

    /// Whose name was asked for. A name of nobody leads to nobody, and this machine's own names only where one council is served.
    fn behind(&self, request: &Request) -> Option<&Door> {
        if let [only] = &*self.doors {
            return Some(only);
        }
        let name = without_port(&crate::portal::host_of(request)?).to_ascii_lowercase();
        self.doors.iter().find(|door| door.names.contains(&name))
    }

    /// Answers requests until `stop`.
    ///
    /// # Errors
    /// When the network fails.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let all = Router::new().fallback(answer).with_state(self);
        // Who asks is known, so that the form can tell when too much comes from one address.
        let all = all.into_make_service_with_connect_info::<SocketAddr>();
        let ending = stop.clone();
        let served = axum::serve(listener, all).with_graceful_shutdown(async move { ending.cancelled().await });
        tokio::select! {
            served = served.into_future() => served,
            // Who reads very slowly is not waited for.
            () = async { stop.cancelled().await; tokio::time::sleep(super::SHUTDOWN).await } => Ok(()),
        }
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    match front.behind(&request) {
        Some(door) => door.answer(request).await,
        // Not a word about who else is served here.
        None => (StatusCode::MISDIRECTED_REQUEST, Body::from("There is nothing under this name.\n")).into_response(),
    }
}

/// Marks those that have a folder of rules in common, so that nobody changes another council's rules from their own portal.
pub fn mark_shared_rules(councils: &mut [Settings]) {
    let folders: Vec<PathBuf> = councils.iter().map(|one| real(&one.path(&one.rules.dir))).collect();
    for (place, settings) in councils.iter_mut().enumerate() {
        let same = folders.iter().filter(|folder| **folder == folders[place]).count();
        settings.origin.shares_rules = same > 1;
    }
}

/// A folder by the one name it has, as far as it is there yet.
fn real(folder: &Path) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.components() {
        if part == Component::ParentDir {
            path.pop();
            continue;
        }
        path.push(part);
        if let Ok(real) = std::fs::canonicalize(&path) {
            path = real;
        }
    }
    path
}

/// The names of a council's portal, without port.
fn names(settings: &Settings) -> Vec<String> {
    let addresses = [settings.portal_url(), settings.form_policy().map(|form| form.public_url)];
    let hosts =
        addresses.into_iter().flatten().filter_map(|url| url::Url::parse(&url).ok()?.host_str().map(str::to_owned));
    let set = settings.allowed_hosts().into_iter().map(|host| without_port(&host).to_owned());
    let mut names: Vec<String> = hosts.chain(set).map(|name| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn not_shared<T: Ord + std::fmt::Debug>(
    known: &mut BTreeMap<T, String>,
    what: T,
    council: &str,
    kind: &str,
) -> anyhow::Result<()> {
    match known.get(&what) {
        Some(other) => {
            bail!("{other} and {council} have the same {kind}, {what:?}: councils are kept apart, give each its own")
        }
        None => {
            known.insert(what, council.to_owned());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn council(name: &str, host: &str, database: &str, folder: &str) -> Settings {
        let text = format!(
            "[council]\nname = '{name}'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[database]\nurl = '{database}'\n\
             [portal]\nallowed_hosts = ['{host}']\n"
        );
        Settings::parse(&text, Path::new(folder)).unwrap()
    }

    fn refused(a: Settings, b: Settings) -> String {
        Front::of(&[a, b]).unwrap_err().to_string()
    }

    #[test]
    fn councils_that_share_a_database_a_folder_or_a_name_are_refused() {
        let one = || council("Ashby", "ashby.example", "sqlite:ashby.db", "/srv/ashby");
        let with = |host, database, folder| refused(one(), council("Borley", host, database, folder));
        assert!(with("borley.example", "sqlite:/srv/ashby/ashby.db", "/srv/borley").contains("same database"));
        assert!(with("borley.example", "sqlite:borley.db", "/srv/ashby").contains("same folder"));
        assert!(with("ASHBY.example:8443", "sqlite:borley.db", "/srv/borley").contains("same name"));
        let together = "sqlite:/srv/ashby/borley.db";
        assert!(with("borley.example", together, "/srv/borley").contains("folder of their databases"));
        assert!(
            with("borley.example", "sqlite:/srv/borley/../ashby/borley.db", "/srv/borley")
                .contains("folder of their databases")
        );
        assert!(Front::of(&[one(), council("Borley", "borley.example", "sqlite:borley.db", "/srv/borley")]).is_ok());
    }

    #[test]
    fn rules_that_several_councils_have_are_changed_from_no_portal() {
        let mut all =
            ["/srv/ashby", "/srv/borley", "/srv/corby"].map(|folder| council("C", "c.example", "sqlite:c.db", folder));
        all[0].rules.dir = "/opt/beadle/rules".into();
        all[1].rules.dir = "/opt/beadle/rules".into();
        mark_shared_rules(&mut all);
        assert_eq!(all.map(|one| one.origin.shares_rules), [true, true, false]);
    }

    #[test]
    fn one_of_several_councils_needs_a_name_of_its_own() {
        let least = "[council]\nname = 'Borley'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n";
        let nameless = Settings::parse(least, Path::new("/srv/borley")).unwrap();
        let one = council("Ashby", "ashby.example", "sqlite:ashby.db", "/srv/ashby");
        assert!(refused(one, nameless).contains("no name of its own"));
    }
}
