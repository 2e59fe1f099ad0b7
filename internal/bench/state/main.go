// Command state measures what coupons and messages take on the engines that keep
// their state, beside hand-written SQL for the same work and, on PostgreSQL, beside
// river. All of it in one run, by turns, on servers of its own whose commits reach
// the disk.
//
//	go run ./state -engines postgres,mariadb,sqlite -seconds 3 -json out.json
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options of a run.
type options struct {
	engines            []string
	work               string
	workers            []int
	took               time.Duration
	rounds, messages   int
	limits             int
	json, dir          string
	postgres, mariadbd string
}

// line is one comparison: medians over the rounds, a second.
type line struct {
	Engine  string  `json:"engine"`
	Work    string  `json:"work"`
	Workers int     `json:"workers"`
	Ours    float64 `json:"dangol,omitempty"`
	Peer    float64 `json:"peer"`
	Name    string  `json:"peer_name"`
	Ratio   float64 `json:"ratio,omitempty"` // ours over the peer's
	Goal    float64 `json:"goal,omitempty"`
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	var engines, workers string
	var seconds float64
	flag.StringVar(&engines, "engines", "postgres,mariadb,sqlite", "engines to measure; comma-separated")
	flag.StringVar(&o.work, "work", "redeem,dispatch,river", "what to measure; comma-separated")
	flag.StringVar(&workers, "workers", "1,2,4,8", "workers at once; comma-separated")
	flag.Float64Var(&seconds, "seconds", 2, "of redeeming, a round and side")
	flag.IntVar(&o.rounds, "rounds", 3, "how often everything is measured; medians are shown")
	flag.IntVar(&o.messages, "messages", 5000, "of one dispatch")
	flag.IntVar(&o.limits, "limits", 1000, "coupons with a limit each, where many are measured")
	flag.StringVar(&o.json, "json", "", "file for the results")
	flag.StringVar(&o.dir, "dir", "", "folder for the databases; a temporary one by default")
	flag.StringVar(&o.postgres, "postgres", "/usr/lib/postgresql/15/bin", "folder with initdb and postgres")
	flag.StringVar(&o.mariadbd, "mariadbd", "/usr/sbin/mariadbd", "MariaDB's server")
	flag.Parse()
	o.took = time.Duration(seconds * float64(time.Second))
	o.engines = strings.Split(engines, ",")
	for _, w := range strings.Split(workers, ",") {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return fmt.Errorf("-workers %q: want numbers", workers)
		}
		o.workers = append(o.workers, n)
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "state")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	var lines []line
	for _, name := range o.engines {
		more, err := measure(ctx, o, name)
		lines = append(lines, more...)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(lines, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// measure is one engine's lines, printed as they come.
func measure(ctx context.Context, o options, name string) (lines []line, err error) {
	e, err := start(ctx, o, name)
	if err != nil {
		return nil, err
	}
	defer e.close()
	fmt.Printf("%s, %s\n%-38s %8s %10s %10s %7s %6s\n", name, e.version, "a second", "workers", "dangol", "peer", "ratio", "goal")
	add := func(l line) {
		l.Engine = name
		if l.Ours > 0 && l.Peer > 0 {
			l.Ratio = l.Ours / l.Peer
		}
		lines = append(lines, l)
		fmt.Printf("%-38s %8d %10s %10s %7s %6s\n", l.Work+" / "+l.Name, l.Workers, whole(l.Ours), whole(l.Peer), ratio(l.Ratio), ratio(l.Goal))
	}
	for _, what := range strings.Split(o.work, ",") {
		switch what {
		case "redeem":
			err = redeemAll(ctx, o, e, add)
		case "dispatch":
			err = dispatchAll(ctx, o, e, add)
		case "river":
			err = riverAll(ctx, o, e, lines, add)
		default:
			err = fmt.Errorf("no such work: %q", what)
		}
		if err != nil {
			return lines, fmt.Errorf("%s: %w", what, err)
		}
	}
	fmt.Println()
	return lines, nil
}

func whole(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.Itoa(int(f + 0.5))
}

func ratio(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// byTurns runs both sides once to warm up and then round by round, and gives the
// medians of what they said.
func byTurns(rounds int, sides ...func() (float64, error)) ([]float64, error) {
	said := make([][]float64, len(sides))
	for round := range rounds + 1 {
		for i, side := range sides {
			f, err := side()
			if err != nil {
				return nil, err
			}
			if round > 0 {
				said[i] = append(said[i], f)
			}
		}
	}
	medians := make([]float64, len(sides))
	for i, all := range said {
		slices.Sort(all)
		medians[i] = all[len(all)/2]
	}
	return medians, nil
}
