package rulefile_test

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/rulefile"
)

func ExampleRead() {
	file, err := rulefile.Read("groups.yaml", []byte(`
groups:
  - name: New without an order
    rule: joined within 7d and not orders(7d)
`))
	if err != nil {
		fmt.Print(err)
		return
	}
	for _, g := range file.Groups {
		fmt.Printf("%s: %s\n", g.Name, g.Rule.Text)
	}
	// Output:
	// New without an order: joined within 7d and not orders(7d)
}

func ExampleRead_mistake() {
	_, err := rulefile.Read("groups.yaml", []byte(`
groups:
  - name: 서울
    rule: |
      city = "서울"
      and spent >= 10,000
`))
	fmt.Print(err)
	// Output:
	// groups.yaml:6:20: bad-number: digits are grouped with _ here, a comma separates items
	//   and spent >= 10,000
	//                ^^^^^^
	//   write 10_000
}
