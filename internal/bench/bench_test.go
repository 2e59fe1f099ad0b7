package main

import (
	"testing"
)

// Our engine and SQLite, which needs nothing installed, select the same by every
// rule, each alone and all at once; cel-go and expr agree about single customers.
func TestEnginesAgree(t *testing.T) {
	s := makeShop(1500, 7)
	own, err := newOurs(s, 2)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := s.export(dir); err != nil {
		t.Fatal(err)
	}
	peer, err := newSQLite(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.close()
	out := &result{Engines: []string{"dangol", "sqlite"}, All: map[string]spread{}}
	if err := compare(options{rounds: 1}, map[string]engine{"dangol": own, "sqlite": peer}, out); err != nil {
		t.Fatal(err)
	}
	none := 0
	for _, r := range out.Rules {
		if r.Members == 0 {
			none++
		}
	}
	if none > 4 {
		t.Errorf("%d rules select nobody: they compare nothing", none)
	}
	if _, err := singles(s, own, 200); err != nil {
		t.Fatal(err)
	}
	if f, err := own.footprint(s); err != nil || f.Loaded <= 0 || f.Asked < f.Loaded {
		t.Fatal(f, err)
	}
	if _, err := own.events(s, 500); err != nil {
		t.Fatal(err)
	}
}
