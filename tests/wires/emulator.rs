//! A Telegram that is not ours, on a port of its own: npm's telegram-test-api (`tests/support/telegram`).

use beadle::channels::telegram::{TelegramSettings, TelegramWire};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// The token of the only bot.
pub const TOKEN: &str = "123456:emulated-Token_1";
/// The chat of the resident who writes.
pub const CHAT: i64 = 71;

/// A running emulator, which ends when this is dropped.
pub struct Emulator {
    node: Child,
    pub port: u16,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.node.stdin.take());
        let _ = self.node.wait();
    }
}

impl Emulator {
    /// Starts one for this test alone.
    pub fn start() -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = std::process::Command::new("node");
        let mut node = command
            .arg(home.join("tests/support/telegram/emulator.js"))
            .env("NODE_PATH", home.join("vendor/tools/telegram/node_modules"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node: run scripts/setup.sh test");
        let mut line = String::new();
        BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the emulator's port (see above why it has none)");
        Self { node, port }
    }

    /// The bot.
    pub fn wire(&self) -> TelegramWire {
        let api_url = Some(format!("http://127.0.0.1:{}", self.port).parse().unwrap());
        TelegramWire::open(TelegramSettings { token: TOKEN.into(), api_url, bot_name: Some("TestNameBot".to_owned()) })
            .unwrap()
    }

    /// What a person does, in the emulator's own words.
    pub async fn ask(&self, what: &str, body: &Value) -> Value {
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request.post(format!("http://127.0.0.1:{}/{what}", self.port));
        let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// The resident sends a message that holds this.
    pub async fn resident_sends(&self, held: Value) {
        let mut message = json!({
            "botToken": TOKEN,
            "date": 1_719_390_000,
            "from": {"id": CHAT, "is_bot": false, "first_name": "Rosa", "username": "rosaq"},
            "chat": {"id": CHAT, "type": "private", "first_name": "Rosa", "username": "rosaq"},
        });
        let Value::Object(held) = held else { panic!("no object") };
        message.as_object_mut().unwrap().extend(held);
        self.ask("sendMessage", &message).await;
    }

    /// What has arrived at the resident's since the last time.
    pub async fn resident_sees(&self) -> Vec<Value> {
        let answer = self.ask("getUpdates", &json!({"token": TOKEN, "chatId": CHAT})).await;
        answer["result"].as_array().unwrap().iter().map(|seen| seen["message"].clone()).collect()
    }
}
