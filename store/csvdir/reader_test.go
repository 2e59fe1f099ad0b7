package csvdir

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func readAll(text string) ([][]string, error) {
	r := newReader(strings.NewReader(text))
	var rows [][]string
	for {
		cells, err := r.read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		row := []string{}
		for _, c := range cells {
			row = append(row, string(c.text))
		}
		rows = append(rows, row)
	}
}

func TestReader(t *testing.T) {
	for _, tc := range []struct {
		why, text string
		want      [][]string
		err       string
	}{
		{why: "plain", text: "a,b\n1,2\n", want: [][]string{{"a", "b"}, {"1", "2"}}},
		{why: "no newline at the end", text: "a,b\n1,2", want: [][]string{{"a", "b"}, {"1", "2"}}},
		{why: "CRLF", text: "a,b\r\n1,2\r\n", want: [][]string{{"a", "b"}, {"1", "2"}}},
		{why: "CRLF cut in two", text: "a,b\r", want: [][]string{{"a", "b"}}},
		{why: "byte order mark", text: "\ufeffa\n", want: [][]string{{"a"}}},
		{why: "empty lines", text: "\n\na\r\n\r\n\nb\n", want: [][]string{{"a"}, {"b"}}},
		{why: "empty cells", text: ",\n,,\n", want: [][]string{{"", ""}, {"", "", ""}}},
		{why: "quotes", text: `"a,""b""` + "\r\n" + `c",d` + "\n", want: [][]string{{"a,\"b\"\nc", "d"}}},
		{why: "an empty quoted cell", text: `"",a`, want: [][]string{{"", "a"}}},
		{why: "a lone CR is text", text: "a\rb,c\n", want: [][]string{{"a\rb", "c"}}},
		{why: "open quote", text: "가나,\"다\n라", err: "1:4: a quote that is never closed"},
		{why: "bare quote", text: "ok\n가나\"다\n", err: "2:3: a quote inside a cell that does not start with one"},
		{why: "text after quote", text: "\"가\n나\"다\n", err: "2:3: text after the closing quote of a cell"},
		{why: "endless row", text: "a\n\"" + strings.Repeat("x\n", maxRow), err: "2:1: the row is longer than 1048576 bytes"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			got, err := readAll(tc.text)
			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tc.want, got))
		})
	}
}

var seeds = []string{
	"id,joined\n00001,1997-01-01\n", "a,b\r\n\"c\"\"d\ne\",f\r\n", "\ufeff\"\"\n", "\"", "a\"b", "\"a\"b", ",,\n\n,", "\r\r\n\"\r\n\"\r",
}

// The reader agrees with encoding/csv on every text: on the rows, and on whether
// the text is CSV at all.
func FuzzCSV(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxRow/2 {
			return
		}
		got, err := readAll(text)
		text = strings.TrimPrefix(text, "\ufeff")
		oracle := csv.NewReader(strings.NewReader(text))
		oracle.FieldsPerRecord = -1
		want, wantErr := oracle.ReadAll()
		if wantErr != nil {
			var bad *badRow
			require.ErrorAs(t, err, &bad, "encoding/csv: %v", wantErr)
			require.Positive(t, bad.at.line)
			require.Positive(t, bad.at.column)
			return
		}
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	})
}

// Whatever is in the files, a folder loads whole or not at all, and says where it
// is wrong; by columns as row by row.
func FuzzLoad(f *testing.F) {
	f.Add("id,joined,guest\nc1,2026-01-01,true\n", "id,customer,placed,total\no1,c1,2026-01-02,10\n", "order,product,category\no1,p,shoes\n")
	f.Add("id\n\xff\n", "customer,placed\n\xff,x\n", "order\n\"")
	f.Fuzz(func(t *testing.T, customers, orders, items string) {
		files := fstest.MapFS{}
		for name, text := range map[string]string{"customers.csv": customers, "orders.csv": orders, "items.csv": items} {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		requireSameLoad(t, catalog.Shop(), files, time.UTC)
		s, err := memstore.New(catalog.Shop(), memstore.Options{})
		require.NoError(t, err)
		err = LoadFS(t.Context(), files, s, Options{})
		if err == nil {
			return
		}
		require.Zero(t, s.Len())
		var errs Errors
		require.True(t, errors.As(err, &errs), "%v", err)
		for _, e := range errs {
			require.NotEmpty(t, e.File)
			require.NotEmpty(t, e.Message)
		}
	})
}
