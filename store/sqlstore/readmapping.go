package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// ReadMapping reads a mapping in YAML, as docs/mapping.md describes it. A field that
// is no part of a mapping is an error; name stands in errors, before the line.
func ReadMapping(name string, data []byte) (Mapping, error) {
	var m Mapping
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		if errors.Is(err, io.EOF) {
			return m, &MappingError{Entry: name, Why: "the file is empty"}
		}
		return m, &MappingError{Entry: name, Why: "it cannot be read", Err: err}
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return m, &MappingError{Entry: name, Why: fmt.Sprintf("one document is expected: %v", err)}
	}
	return m, nil
}
