//! What a plugin stored is there when the server comes back, however it ended.

use crate::plugins;
use crate::random::Random;
use crate::server::Server;

#[test]
fn t05_t06_t10_data_and_the_id_of_the_installation_survive_the_end_of_the_server() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(plugins::folder(home.path())).unwrap();
    plugins::add_examples(home.path());
    if std::env::var_os("TORU_TEST_HELLO_PLUGIN").is_none() {
        println!("skipped: TORU_TEST_HELLO_PLUGIN is not set");
        return;
    }
    let server = Server::start(home.path());
    assert_eq!(server.client().change("hello", true).unwrap().status, 200);
    drop(server);
    let mut random = Random::new();
    let (mut count, mut installation) = (0, None);
    for _ in 0..10 {
        let server = Server::start(home.path());
        let mut client = server.client();
        let found = client.send("GET", "/api/plugins/hello/count").unwrap().json()["count"].as_i64();
        assert_eq!(found, Some(count), "as many as were acknowledged");
        let id = client.send("GET", "/api/plugins/hello/instance").unwrap().json()["instance_id"].to_string();
        assert_eq!(*installation.get_or_insert(id.clone()), id);
        for _ in 0..1 + random.below(20) {
            count += 1;
            let counted = client.send("POST", "/api/plugins/hello/count").unwrap();
            assert_eq!(counted.json()["count"], count);
        }
        // Killed, in the middle of nothing: what was told is what counts.
        drop(server);
    }
}
