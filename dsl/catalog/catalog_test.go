package catalog_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestShopIsValid(t *testing.T) {
	require.NoError(t, catalog.Shop().Validate())
	require.NoError(t, catalog.ShopIn("USD").Validate())
}

func TestShopIsFresh(t *testing.T) {
	a, b := catalog.Shop(), catalog.Shop()
	a.Attributes[0].Name = "changed"
	a.Kinds[0].Fields[0].Name = "changed"
	require.Equal(t, "joined", b.Attributes[0].Name)
	require.Equal(t, "placed", b.Kinds[0].Fields[0].Name)
}

func TestCatalogPage(t *testing.T) {
	const page = "../../docs/catalog.md"
	got := catalog.Shop().Markdown()
	if *update {
		require.NoError(t, os.MkdirAll("../../docs", 0o755))
		require.NoError(t, os.WriteFile(page, []byte(got), 0o644))
	}
	want, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got), "run the test with -update")
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	text := catalog.Type{Sort: catalog.String}
	for want, change := range map[string]func(*catalog.Catalog){
		`attribute "joined": another attribute bears the name`: func(c *catalog.Catalog) {
			c.Attributes = append(c.Attributes, catalog.Attribute{Name: "joined", Type: text})
		},
		`attribute "2nd": a name is letters`:        func(c *catalog.Catalog) { c.Attributes[0].Name = "2nd" },
		`attribute "sum": the name is a word`:       func(c *catalog.Catalog) { c.Attributes[0].Name = "sum" },
		`attribute name has no type`:                func(c *catalog.Catalog) { c.Attributes[4].Type.Sort = 0 },
		`"WON" is not a currency`:                   func(c *catalog.Catalog) { c.Currency = "WON" },
		`only instants and dates can be due`:        func(c *catalog.Catalog) { c.Attributes[4].Due = true },
		`its base "nothing" is unknown`:             func(c *catalog.Catalog) { c.Kinds[1].Base = "nothing" },
		`kind orders: its base "orders" is unknown`: func(c *catalog.Catalog) { c.Kinds[1].Base = "orders" },
		`its time field "total" must be an instant`: func(c *catalog.Catalog) { c.Kinds[0].Time = "total" },
		`its time field "plaecd" is not a field`:    func(c *catalog.Catalog) { c.Kinds[0].Time = "plaecd" },
		`its parents lead back to it`: func(c *catalog.Catalog) {
			c.Kinds[0].Parent, c.Kinds[0].ParentField = "items", "line"
		},
		`no dimension is called "shoes"`: func(c *catalog.Catalog) {
			c.Kinds[2].Dimensions = map[string]string{"product": "shoes"}
		},
		`the field "placed" is declared twice`: func(c *catalog.Catalog) {
			c.Kinds[0].Fields = append(c.Kinds[0].Fields, c.Kinds[0].Fields[0])
		},
		`measure spent has no text`: func(c *catalog.Catalog) { c.Measures[0].Text = " " },
	} {
		c := catalog.Shop()
		change(c)
		err := c.Validate()
		require.Error(t, err, want)
		require.True(t, strings.Contains(err.Error(), want), "want %s in\n%s", want, err)
	}
}
