package sqlgen

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// longList is from how many words on a list is one argument instead of one a word:
// engines take 32,766 or 65,535 arguments a statement, of all its rules together.
const longList = 200

// longIn is the test that a text is one of many words, passed as one argument. It is
// NULL where the text is missing. ok is false where the words are to be written one
// by one.
func (g *generator) longIn(x piece, words []string) (in piece, ok bool) {
	if len(words) < longList || g.dialect == ClickHouse {
		return piece{}, false
	}
	array, _ := json.Marshal(words) // strings always marshal
	arg := text("?", string(array))
	switch g.dialect {
	case Postgres:
		return join(g.binary(x), " IN (SELECT json_array_elements_text(CAST(", arg, " AS JSON)))"), true
	case MySQL:
		longest := 1
		for _, w := range words {
			longest = max(longest, utf8.RuneCountInString(w))
		}
		return join(g.binary(x), " IN (SELECT CAST(j.word AS BINARY) FROM JSON_TABLE(", arg,
			fmt.Sprintf(", '$[*]' COLUMNS (word VARCHAR(%d) CHARACTER SET utf8mb4 PATH '$')) j)", longest)), true
	}
	return join(g.binary(x), " IN (SELECT value FROM json_each(", arg, "))"), true
}

// list writes pieces with a text between them.
func list(parts []piece, between string) piece {
	var sql strings.Builder
	var args []any
	for i, p := range parts {
		if i > 0 {
			sql.WriteString(between)
		}
		sql.WriteString(p.sql)
		args = append(args, p.args...)
	}
	return piece{sql: sql.String(), args: args}
}
