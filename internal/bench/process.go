package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is a peer in a helper process: a statement a line in, a line of JSON
// out, the time taken inside the helper, next to the engine.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	// together answers all rules in one statement, where that is the peer's better
	// form.
	together bool
}

// reply is the helper's line.
type reply struct {
	Micros int64      `json:"micros"`
	Names  []string   `json:"names"` // of columns, where the helper tells them
	Types  []string   `json:"types"`
	Rows   [][]string `json:"rows"`
	Error  string     `json:"error"`
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

func (p *process) exec(sql string) (reply, error) {
	if _, err := fmt.Fprintln(p.in, strings.ReplaceAll(sql, "\n", " ")); err != nil {
		return reply{}, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return reply{}, err
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("%w: %s", err, line)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s\n%s", r.Error, sql)
	}
	return r, nil
}

func (p *process) one(r rule) (sums, time.Duration, error) {
	got, err := p.exec(r.checked())
	if err != nil {
		return sums{}, 0, err
	}
	s, err := parse(got.Rows[0])
	return s, time.Duration(got.Micros) * time.Microsecond, err
}

func parse(row []string) (s sums, err error) {
	for i := range s {
		if row[i] == "" || row[i] == "null" || row[i] == `\N` {
			continue
		}
		if _, err = fmt.Sscan(row[i], &s[i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (p *process) all(rs []rule) ([]sums, time.Duration, error) {
	if p.together {
		return p.union(rs)
	}
	var out []sums
	var total time.Duration
	for _, r := range rs {
		s, took, err := p.one(r)
		if err != nil {
			return nil, 0, err
		}
		out, total = append(out, s), total+took
	}
	return out, total, nil
}

func (p *process) union(rs []rule) ([]sums, time.Duration, error) {
	var parts []string
	for i, r := range rs {
		parts = append(parts, fmt.Sprintf("SELECT %d AS n, * FROM (%s) q%d", i, r.checked(), i))
	}
	got, err := p.exec("SELECT * FROM (" + strings.Join(parts, " UNION ALL ") + ") t ORDER BY n")
	if err != nil {
		return nil, 0, err
	}
	out := make([]sums, len(rs))
	for i, row := range got.Rows {
		if out[i], err = parse(row[1:]); err != nil {
			return nil, 0, err
		}
	}
	return out, time.Duration(got.Micros) * time.Microsecond, nil
}

func (p *process) close() {
	p.in.Close()
	_ = p.cmd.Wait()
}
