//! Options: each is a flag, a variable of the environment and a line of a file, and what is wrong with one is said clearly.
use std::path::PathBuf;
use std::process::{Output, Stdio};

use crate::common::{TestServer, within};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const SECRET: &str = "--secret=0123456789abcdef";

pub fn command(args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hamhame"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HAMHAME_") {
            command.env_remove(name);
        }
    }
    command.args(args).envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the binary where it must end by itself.
async fn run(args: &[&str], environment: &[(&str, &str)]) -> Output {
    within("the program's end", command(args, environment).output()).await.expect("it runs")
}

/// Runs it where it must refuse, and gives what it says about it.
pub async fn refusal(args: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(args, environment).await;
    let errors = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success(), "{args:?} {environment:?} is taken");
    assert!(output.status.code().is_some_and(|code| code > 0), "{:?}: {errors}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "errors belong on stderr");
    assert!(errors.lines().count() < 12, "an error is a few lines:\n{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

/// A configuration file with this text.
pub fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{name}-{}.toml", std::process::id()));
    std::fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("a plain path").to_owned()
}

async fn start(args: &[&str], environment: &[(&str, &str)]) -> TestServer {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    TestServer::launch("127.0.0.1:0", args, environment).await.unwrap_or_else(|log| panic!("{log}"))
}

/// What a client is told of an option that can be seen from outside.
async fn burst(server: &TestServer) -> u64 {
    server.member("room", "anonymous").await.welcome()["limits"]["burst"]
        .as_u64()
        .expect("a number")
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file_and_that_over_the_default() {
    let config = file("precedence", "message-burst = 30\n");
    let file_flag = ["--config", config.as_str()];
    let environment = [("HAMHAME_MESSAGE_BURST", "40")];
    let flag = ["--message-burst", "50"];
    assert_eq!(burst(&start(&[], &[]).await).await, 20);
    assert_eq!(burst(&start(&file_flag, &[]).await).await, 30);
    assert_eq!(burst(&start(&file_flag, &environment).await).await, 40);
    assert_eq!(burst(&start(&[&file_flag[..], &flag].concat(), &environment).await).await, 50);
    assert_eq!(burst(&start(&[], &environment).await).await, 40);
    // The file itself may be named by the environment.
    assert_eq!(burst(&start(&[], &[("HAMHAME_CONFIG", &config)]).await).await, 30);
}

#[tokio::test]
async fn a_switch_of_the_file_gives_way_to_the_environment() {
    let config = file("switch", "lan = true\nlimits = \"off\"\n");
    let environment = [("HAMHAME_LAN", "false"), ("HAMHAME_LIMITS", "on")];
    let server = start(&["--config", &config], &environment).await;
    assert_eq!(burst(&server).await, 20);
    let off = start(&["--config", &config], &[("HAMHAME_LAN", "false")]).await;
    assert_eq!(off.member("room", "anonymous").await.welcome()["limits"]["burst"], Value::Null);
}

#[tokio::test]
async fn the_file_takes_every_option_but_itself() {
    let config = file(
        "all",
        r#"
        # a comment
        lan = false
        host = ["chat.example", "class.example"]
        pages = "."
        threads = 1
        lang = "en"
        broker = "embedded"
        broker-prefix = "class"
        broker-ca = "/ca.pem"
        history = 10
        history-age = "5m"
        history-bytes = 65536
        join-history = 3
        limits = "on"
        message-burst = 7
        message-rate = 0.5
        message-graphemes = 100
        message-bytes = 400
        frame-bytes = 4096
        compression = 512
        max-connections = 100
        max-connections-per-address = 50
        address-message-burst = 70
        address-message-rate = 5.5
        max-rooms-per-address = 9
        memory = "64M"
        trusted-proxy = ["10.0.0.0/8", "::1"]
        proxy-header = "forwarded"
        max-members = 20
        max-rooms = 10
        header-bytes = 8192
        header-timeout = "1s"
        join-timeout = "1s 500ms"
        message-timeout = "20s"
        write-timeout = "1m"
        heartbeat = "5s"
        grace = "2s"
        lease = "20s"
        probe = "1s"
        drain = "1s"
        origin = ["https://a.example", "https://b.example"]
        secret = "sixteen bytes and more"
        log = "json"
        "#,
    );
    let server = start(&["--config", &config], &[]).await;
    let member = server.member("room", "anonymous").await;
    assert_eq!(member.welcome()["limits"]["rate"], 0.5);
    assert_eq!(member.welcome()["heartbeat"], 5.0);
    server.connect("/ws/room/anonymous").origin("https://b.example").open().await;
    let help = String::from_utf8(run(&["--help"], &[]).await.stdout).expect("text");
    let text = std::fs::read_to_string(&config).expect("it was written");
    for option in options_of(&help) {
        // What has to do with TLS is tried in `tls.rs` and `http3.rs`, as it changes what all else here relies on.
        let elsewhere = ["listen", "config", "help", "version", "redirect-from", "http3"]
            .contains(&option.as_str())
            || option.starts_with("tls");
        assert!(
            elsewhere || text.contains(&format!("\n        {option} = ")),
            "{option} is not tried here"
        );
    }
    let port = file("listen", "listen = \"127.0.0.1:0\"\n");
    let mut child = command(&["--config", &port], &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is ours")).lines();
    let first = within("the first line", lines.next_line()).await.expect("text").expect("a line");
    assert!(
        first.starts_with("listening on http://127.0.0.1:") && !first.ends_with(":0"),
        "{first}"
    );
    child.kill().await.expect("it is ours");
}

/// The long names in the help: on lines that begin with a dash.
fn options_of(help: &str) -> Vec<String> {
    help.lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| line.split_once("--"))
        .map(|(_, rest)| {
            let named = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
            rest.chars().take_while(named).collect()
        })
        .collect()
}

#[tokio::test]
async fn the_help_names_every_option_with_its_variable() {
    let output = run(&["--help"], &[("HAMHAME_SECRET", "a secret that nobody may see")]).await;
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).expect("text");
    let options = options_of(&help);
    for expected in [
        "listen",
        "lan",
        "threads",
        "lang",
        "broker",
        "history",
        "history-age",
        "limits",
        "log",
        "config",
        "origin",
        "secret",
    ] {
        assert!(
            options.iter().any(|option| option == expected),
            "{expected} is not in {options:?}"
        );
    }
    for option in options.iter().filter(|option| !["help", "version"].contains(&option.as_str())) {
        let variable = format!("HAMHAME_{}", option.to_uppercase().replace('-', "_"));
        assert!(help.contains(&variable), "{variable} is not in\n{help}");
    }
    assert!(!help.contains("nobody may see"), "{help}");
    let version = run(&["--version"], &[]).await;
    assert!(version.status.success());
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("hamhame "));
}

#[tokio::test]
async fn what_is_wrong_in_the_file_is_named_with_the_file() {
    let cases = [
        ("unknown", "colour = \"red\"\n", "colour"),
        ("misspelt", "message_burst = 3\n", "message_burst"),
        ("itself", "config = \"other.toml\"\n", "config"),
        ("table", "[server]\nlisten = \"127.0.0.1:0\"\n", "server"),
        ("zero", "message-burst = 0\n", "message-burst"),
        ("size", "memory = \"a lot\"\n", "memory"),
        ("word", "history = \"many\"\n", "history"),
        ("duration", "grace = \"8\"\n", "grace"),
        ("number", "grace = 8\n", "grace"),
        ("negative", "message-rate = -1.0\n", "message-rate"),
        ("infinite", "message-rate = inf\n", "message-rate"),
        ("language", "lang = \"de\"\n", "lang"),
        ("flag", "lan = \"yes\"\n", "lan"),
        ("list", "listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n", "listen"),
        ("numbers", "origin = [1, 2]\n", "origin"),
        ("origin", "origin = \"example.org\"\n", "origin"),
        ("address", "listen = \"nowhere\"\n", "listen"),
        ("date", "history-age = 2026-11-21\n", "history-age"),
    ];
    for (name, text, key) in cases {
        let config = file(name, text);
        let error = refusal(&["--config", &config], &[]).await;
        assert!(error.contains(&config), "{text:?}: the file is not named: {error}");
        assert!(error.contains(key), "{text:?}: {error}");
    }
    let config = file("syntax", "listen = \n");
    let error = refusal(&["--config", &config], &[]).await;
    assert!(error.contains(&config) && error.contains("TOML"), "{error}");
    assert!(error.contains("line 1"), "where it is wrong: {error}");
    let config = file("twice", "history = 1\nhistory = 2\n");
    assert!(refusal(&["--config", &config], &[]).await.contains("history"));
    let missing = file("missing", "") + ".not";
    let error = refusal(&["--config", &missing], &[]).await;
    assert!(error.contains(&missing) && error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_bad_flag_or_variable_is_named_with_what_it_should_be() {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 30] = [
        (&["--colour", "red"], &[], &["--colour"]),
        (&["surplus"], &[], &["surplus"]),
        (&["--listen", "nowhere"], &[], &["--listen", "nowhere"]),
        (&["--listen"], &[], &["--listen"]),
        (&["--threads", "0"], &[], &["--threads", "0"]),
        (&["--history", "-1"], &[], &["-1"]),
        (&["--grace", "8"], &[], &["--grace", "10s"]),
        (&["--message-rate", "nan"], &[], &["--message-rate", "above 0"]),
        (&["--lang", "de"], &[], &["--lang", "fa", "en", "auto"]),
        (&["--limits", "maybe"], &[], &["--limits", "on", "off"]),
        (&["--compression", "some"], &[], &["--compression", "some", "number of bytes"]),
        (&["--log", "xml"], &[], &["--log", "text", "json"]),
        (&["--broker", "redis://"], &[], &["--broker", "redis://127.0.0.1:6379", "embedded"]),
        (&["--broker", "redis://127.0.0.1"], &[], &["--broker", "--secret"]),
        (&["--broker", "redis+sentinel://a", SECRET], &[], &["--broker", "host/NAME"]),
        (&["--broker", "redis://:pass@a:b", SECRET], &[], &["--broker", "redis://host:6379"]),
        (&["--broker", "rediss://a", "--broker-ca", "/no", SECRET], &[], &["--broker-ca /no"]),
        (&["--broker", "redis://a", "--broker-ca", "Cargo.toml", SECRET], &[], &["rediss://"]),
        (&["--broker", "kafka://x"], &[], &["--broker", "kafka://x", "embedded"]),
        (&["--broker", "nats://"], &[], &["--broker", "nats://127.0.0.1:4222", "embedded"]),
        (&["--broker", "nats://a"], &[], &["--broker", "--secret"]),
        (&["--broker", "nats://a:b", SECRET], &[], &["--broker", "nats://host:4222"]),
        (&["--broker", "nats://a", "--broker-prefix", "a.b", SECRET], &[], &["--broker-prefix"]),
        (&["--broker", "tls://a", "--broker-ca", "/no", SECRET], &[], &["--broker-ca /no"]),
        (&["--broker", "nats://a", "--broker-ca", "Cargo.toml", SECRET], &[], &["tls://"]),
        (&["--origin", "example.org"], &[], &["--origin", "https://"]),
        (&[], &[("HAMHAME_THREADS", "many")], &["HAMHAME_THREADS", "many"]),
        (&[], &[("HAMHAME_LISTEN", "nowhere")], &["HAMHAME_LISTEN", "nowhere"]),
        (&[], &[("HAMHAME_LAN", "perhaps")], &["HAMHAME_LAN", "perhaps"]),
        (&["--frame-bytes", "10"], &[], &["--frame-bytes", "10", "1024"]),
    ];
    for (args, environment, words) in cases {
        let error = refusal(args, environment).await;
        for word in words {
            assert!(error.contains(word), "{args:?} {environment:?}: no {word:?} in\n{error}");
        }
    }
}

#[tokio::test]
async fn options_that_are_right_alone_and_wrong_together_are_refused() {
    let error = refusal(&["--heartbeat", "20s"], &[]).await;
    assert!(
        error.contains("--heartbeat") && error.contains("--grace") && error.contains("30s"),
        "{error}"
    );
    let error = refusal(&["--heartbeat", "1ms"], &[]).await;
    assert!(error.contains("--heartbeat"), "{error}");
    let error = refusal(&["--secret", "fifteen bytes !"], &[]).await;
    assert!(error.contains("--secret") && !error.contains("fifteen bytes !"), "{error}");
}

#[tokio::test]
async fn an_address_in_use_or_not_ours_is_a_clear_error() {
    let server = TestServer::start(&[]).await;
    let taken = server.address().to_string();
    let error = refusal(&["--listen", &taken], &[]).await;
    assert!(
        error.contains(&taken) && error.contains("--listen") && error.contains("in use"),
        "{error}"
    );
    let error = refusal(&["--listen", "192.0.2.1:0"], &[]).await;
    assert!(error.contains("192.0.2.1:0"), "{error}");
}

#[tokio::test]
async fn any_number_of_threads_serves_one_room() {
    for threads in ["1", "4"] {
        let server = TestServer::start(&["--threads", threads]).await;
        // One for each, and one for the log. What it prints at the start, a thread prints that ends then.
        let expected = threads.parse::<usize>().expect("a number") + 1;
        let path = format!("/proc/{}/task", server.pid());
        let settled = async {
            while std::fs::read_dir(&path).expect("it runs").count() != expected {
                tokio::task::yield_now().await;
            }
        };
        within("as many threads as there should be", settled).await;
        let mut members = Vec::new();
        for n in 0..8 {
            members.push(server.member("room", &format!("عضو {n}")).await);
        }
        for n in 0..8 {
            let content = format!("word {n}");
            members[n].said("a", &content).await;
            for (other, member) in members.iter_mut().enumerate() {
                if other != n {
                    member.until_said(&content).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_variable_that_no_option_has_is_an_error_that_says_what_it_may_have_been() {
    for (variable, meant) in [
        ("HAMHAME_LISTN", "HAMHAME_LISTEN"),
        ("HAMHAME_HISTROY", "HAMHAME_HISTORY"),
        ("HAMHAME_MAX_MEMBER", "HAMHAME_MAX_MEMBERS"),
        ("HAMHAME_ORIGINS", "HAMHAME_ORIGIN"),
    ] {
        let error = refusal(&["--listen", "127.0.0.1:0"], &[(variable, "1")]).await;
        assert!(error.contains(variable) && error.contains(&format!("{meant}?")), "{error}");
    }
    let error = refusal(&["--listen", "127.0.0.1:0"], &[("HAMHAME_XYZZY", "1")]).await;
    assert!(error.contains("HAMHAME_XYZZY") && error.contains("--help"), "{error}");
    // What Kubernetes and Docker say to the neighbours of a service of this name.
    let service = [("HAMHAME_PORT", "tcp://10.0.0.1:8000"), ("HAMHAME_SERVICE_HOST", "10.0.0.1")];
    start(&[], &service).await;
}

#[tokio::test]
async fn a_bad_value_is_named_by_where_it_stands() {
    for (variable, value) in [
        ("HAMHAME_HISTORY", "many"),
        ("HAMHAME_HEARTBEAT", "soon"),
        ("HAMHAME_LISTEN", "nowhere:at:all"),
        ("HAMHAME_LAN", "1"),
        ("HAMHAME_ORIGIN", "https://a.example,example.org"),
        ("HAMHAME_HTTP3", "maybe"),
        ("HAMHAME_LANG", "de"),
    ] {
        let error = refusal(&[], &[(variable, value)]).await;
        assert!(error.contains(variable) && !error.contains("--"), "{variable}: {error}");
    }
    let config = file("bad-value", "history = \"many\"\n");
    let error = refusal(&["--config", &config], &[]).await;
    assert!(error.contains("`history`") && !error.contains("--history"), "{error}");
    // A flag stands before the variable, whatever that says.
    start(&["--history", "10"], &[("HAMHAME_HISTORY", "many")]).await;
}

#[tokio::test]
async fn the_help_has_headings_and_ends_with_examples() {
    let help = String::from_utf8(run(&["--help"], &[]).await.stdout).expect("text");
    for heading in ["Where it listens:", "TLS:", "Proxies:", "Presence:", "The process:"] {
        assert_eq!(help.matches(&format!("\n{heading}\n")).count(), 1, "{heading} in\n{help}");
    }
    let (_, examples) = help.split_once("\nExamples:\n").expect("examples");
    assert!(examples.contains("hamhame --lan") && !examples.contains("[env:"), "{examples}");
}

#[tokio::test]
async fn an_address_to_listen_on_may_be_written_in_short() {
    for short in ["0", ":0", "localhost:0"] {
        let mut child = command(&["--listen", short], &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is ours")).lines();
        let first = within("a line", lines.next_line()).await.expect("text").expect("a line");
        assert!(first.starts_with("listening on http://127.0.0.1:"), "{first}");
        child.kill().await.expect("it is ours");
    }
}

#[tokio::test]
async fn the_log_is_on_stderr_as_json_if_asked_and_nothing_that_is_said_is_in_it() {
    let environment = [("HAMHAME_LOG_FILTER", "trace")];
    for format in ["json", "text"] {
        let mut server =
            start(&["--log", format, "--secret", "a secret of the operator"], &environment).await;
        let mut ali = server.member("room", "علی").await;
        let token = ali.token();
        ali.said("c1", "این را کسی نباید در گزارش ببیند").await;
        let mut seed = server.seed("room", "رضا").await;
        seed.mark("and this neither").await;
        ali.send("{\"type\":\"send\",\"id\":\"c2\",\"content\":\"nor this, though it is no JSON")
            .await;
        ali.next_of("error").await;
        drop((ali, seed));
        server.terminate();
        assert!(server.wait().await.success());
        let log = server.log();
        assert!(log.lines().count() >= 2, "{log}");
        for private in ["نباید", "neither", "nor this", token.as_str(), "a secret of the operator"]
        {
            assert!(!log.contains(private), "{private} is in the log:\n{log}");
        }
        let json = log.lines().all(|line| {
            serde_json::from_str::<Value>(line).is_ok_and(|entry| entry["level"].is_string())
        });
        assert_eq!(json, format == "json", "{log}");
    }
}
