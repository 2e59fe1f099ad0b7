package segment_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

func Example() {
	ctx := context.Background()
	seoul := time.FixedZone("KST", 9*3600)
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, seoul)
	data, err := memstore.New(catalog.Shop(), memstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	joined := func(id dangol.CustomerID, day int) store.Change {
		at := time.Date(2026, 3, day, 8, 0, 0, 0, seoul)
		return store.Change{Customer: id, Fields: map[string]catalog.Value{"joined": catalog.TimeValue(at)}}
	}
	if err := data.Apply(ctx, joined("kim", 1), joined("lee", 2)); err != nil {
		log.Fatal(err)
	}

	groups, err := segment.New(segment.Config{
		Data: data, Zone: seoul, Clock: dangol.ClockFunc(func() time.Time { return now }),
	})
	if err != nil {
		log.Fatal(err)
	}
	created, err := groups.Create(ctx, segment.Definition{
		ID: "new", Name: "new without an order", Rule: "joined within 7d and not orders(7d) >= 1",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("as of the last midnight:", created.After, "member")

	now = time.Date(2026, 3, 3, 0, 0, 0, 0, seoul)
	done, err := groups.RefreshDue(ctx) // a host's scheduler calls it once a minute
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range done {
		fmt.Println(d.Group, "entered", d.Entered, "left", d.Left)
	}

	yesterday, err := groups.MembersAt(ctx, "new", now.AddDate(0, 0, -1))
	if err != nil {
		log.Fatal(err)
	}
	for id, err := range groups.All(ctx, yesterday) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("yesterday:", id)
	}
	// Output:
	// as of the last midnight: 1 member
	// new entered 1 left 0
	// yesterday: kim
}

// The page for hosts shows the example above, line for line.
func TestThePageShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	page, err := os.ReadFile("../docs/segment.md")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(source), "\tgroups, err := segment.New(")
	body, _, _ = strings.Cut("\tgroups, err := segment.New("+body, "\t// Output:")
	require.Contains(t, string(page), strings.TrimSpace(strings.ReplaceAll("\n"+body, "\n\t", "\n")))
}
