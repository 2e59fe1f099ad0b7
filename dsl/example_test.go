package dsl_test

import (
	"errors"
	"fmt"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
)

func ExampleParse() {
	text := "city = '서울' && joined within last 7d"
	_, err := dsl.Parse(text)
	if ds := (source.Diagnostics)(nil); errors.As(err, &ds) {
		fmt.Print(source.Render("rule", text, ds))
	}
	// Output:
	// rule:1:13: bad-character: && is not written in rules
	//   city = '서울' && joined within last 7d
	//                 ^^
	//   write and
}

func ExampleFormat() {
	rule, err := dsl.Parse("joined   within 7 days and not(orders( 7 days )>=1) # new")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dsl.Format(rule))
	// Output:
	// joined within 7d and not (orders(7d) >= 1) # new
}
