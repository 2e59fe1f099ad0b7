package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/dangol-dev/dangol/dsl/rulefile"
)

type fmtCmd struct {
	Write  bool     `short:"w" help:"Write the files instead of printing them."`
	Format string   `enum:"text,json" default:"text" help:"One of ${enum}. Defaults to text."`
	Files  []string `arg:"" name:"file" help:"YAML files of groups and conditions."`
}

// formatted is a file in the house style.
type formatted struct {
	Name    string `json:"file"`
	Changed bool   `json:"changed"`
	Text    string `json:"text,omitempty"` // unless it was written
}

// Run is the command. All files are read before the first one is written.
func (c *fmtCmd) Run(s *streams) error {
	var files []formatted
	for _, name := range c.Files {
		before, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		after, err := rulefile.Format(name, before)
		if err != nil {
			return author(err)
		}
		files = append(files, formatted{name, !bytes.Equal(before, after), string(after)})
	}
	for i, f := range files {
		switch {
		case c.Write:
			if f.Changed {
				if err := replace(f.Name, []byte(f.Text)); err != nil {
					return err
				}
			}
			files[i].Text = ""
		case c.Format == "text":
			if _, err := s.out.Write([]byte(f.Text)); err != nil {
				return err
			}
		}
	}
	if c.Format == "json" {
		return s.json(files)
	}
	return nil
}

// replace swaps a file's content in one step: a crash leaves the old or the new.
func replace(name string, text []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // after the rename there is none
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
