package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Cluster is the name by which the nodes of ClickHouseNodes know each other.
const Cluster = "shop"

// ClickHouse is a database on one node of ClickHouse, on a port of the loopback
// interface.
func ClickHouse(t testing.TB) *Server {
	t.Helper()
	return database(t, "ClickHouse", func(t testing.TB) *Server { return ClickHouseNodes(t, 1)[0] })
}

// ClickHouseNodes starts nodes of ClickHouse that are the shards of a cluster, one
// replica each, all on the loopback interface.
func ClickHouseNodes(t testing.TB, n int) []*Server {
	t.Helper()
	server := find("clickhouse-server")
	if server == "" {
		missing(t, "ClickHouse")
	}
	ports, shards := freePorts(t, 3*n), strings.Builder{}
	for _, port := range ports[:n] {
		fmt.Fprintf(&shards, "<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>", port)
	}
	nodes := make([]*Server, n)
	for i, port := range ports[:n] {
		dir := folder(t)
		attr := unprivileged(t, dir)
		config := fmt.Sprintf(`<yandex>
<logger><level>warning</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host>
<tcp_port>%d</tcp_port><http_port>%d</http_port><interserver_http_port>%d</interserver_http_port>
<path>%[4]s/data/</path><tmp_path>%[4]s/tmp/</tmp_path><user_files_path>%[4]s/files/</user_files_path>
<format_schema_path>%[4]s/schemas/</format_schema_path>
<users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<timezone>UTC</timezone><mark_cache_size>67108864</mark_cache_size>
<remote_servers><%[5]s>%[6]s</%[5]s></remote_servers>
</yandex>`, port, ports[n+i], ports[2*n+i], dir, Cluster, shards.String())
		for name, text := range map[string]string{"config.xml": config, "users.xml": clickHouseUsers} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		nodes[i] = serve(t, &Server{
			Driver: "clickhouse",
			DSN:    fmt.Sprintf("clickhouse://default:@127.0.0.1:%d/default?dial_timeout=5s&read_timeout=60s", port),
		}, attr, dir, server, "--config-file="+filepath.Join(dir, "config.xml"))
	}
	return nodes
}

const clickHouseUsers = `<yandex>
<profiles><default><max_memory_usage>4000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors><result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
</yandex>`
