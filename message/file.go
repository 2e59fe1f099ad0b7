package message

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// FileSender "sends" by appending a JSON line a message to a file, synced before it
// answers. It takes each key once, also over restarts and from several processes on
// one machine, and can be asked what it took: a stand-in for a good provider, for
// examples and tests. The zero value with a Path works. It is safe for concurrent use.
type FileSender struct {
	Path string // required: created when missing

	mu   sync.Mutex
	read int64 // how much of the file is in seen
	seen map[string]bool
}

// FileLine is one line of the file.
type FileLine struct {
	Key        string   `json:"key"`
	Channel    Channel  `json:"channel"`
	To         string   `json:"to"`
	Subject    string   `json:"subject,omitempty"`
	Text       string   `json:"text"`
	Coupon     *Coupon  `json:"coupon,omitempty"`
	Buttons    []Button `json:"buttons,omitempty"`
	Campaign   string   `json:"campaign"`
	Occurrence string   `json:"occurrence"`
	Customer   string   `json:"customer"`
	Test       bool     `json:"test,omitempty"`
}

var (
	_ Idempotent = (*FileSender)(nil)
	_ Asker      = (*FileSender)(nil)
)

// Remembers implements Idempotent: a file forgets nothing.
func (f *FileSender) Remembers() time.Duration { return 100 * 365 * 24 * time.Hour }

// Send implements Sender.
func (f *FileSender) Send(ctx context.Context, m Message) (Receipted, error) {
	if err := ctx.Err(); err != nil {
		return Receipted{}, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	line, err := json.Marshal(FileLine{m.Key, m.Channel, m.To, m.Subject, m.Text, m.Coupon, m.Buttons,
		m.Campaign, m.Occurrence, string(m.Customer), m.Test})
	if err != nil {
		return Receipted{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err = f.locked(func(file *os.File) error {
		if f.seen[m.Key] {
			return nil
		}
		// What another process was writing when it died is no line: it never said that it
		// took the message.
		if err := file.Truncate(f.read); err != nil {
			return err
		}
		if _, err := file.WriteAt(append(line, '\n'), f.read); err != nil {
			return err
		}
		return file.Sync()
	})
	if err != nil {
		return Receipted{}, fmt.Errorf("message: file sender: %w", err)
	}
	return Receipted{ID: m.Key}, nil
}

// Ask implements Asker.
func (f *FileSender) Ask(_ context.Context, key string) (Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var a Answer
	err := f.locked(func(*os.File) error {
		a = Answer{Known: f.seen[key], ID: key}
		return nil
	})
	return a, err
}

// Lines reads everything that was sent, in order.
func (f *FileSender) Lines() ([]FileLine, error) {
	data, err := os.ReadFile(f.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []FileLine
	for line := range bytes.Lines(data) {
		if line[len(line)-1] != '\n' {
			break // being written, or left by a crash
		}
		var l FileLine
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("message: file sender: %s: %w", f.Path, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// locked opens the file under a lock that other processes respect, reads what they
// added, and calls do.
func (f *FileSender) locked(do func(*os.File) error) (err error) {
	file, err := os.OpenFile(f.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	unlock, err := lockFile(file)
	if err != nil {
		return err
	}
	defer unlock()
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	if _, err := file.Seek(f.read, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReader(file)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return do(file)
		}
		if err != nil {
			return err
		}
		var l FileLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		f.seen[l.Key] = true
		f.read += int64(len(line))
	}
}
