package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImport(t *testing.T) {
	code, out, errs := runLine(t, "import", "--attribute", "metafields.facts.size=size", "--product-tags", "tags",
		"metafields.facts.size = 'L' AND products_purchased MATCHES (tag = 'x')")
	require.Zero(t, code)
	require.Equal(t, "size = \"L\" and items(where tags contains \"x\")\n", out)
	require.Contains(t, errs, "meaning-differs")

	code, out, errs = runLine(t, "import", "customer_regions CONTAINS 'US-NY'")
	require.Equal(t, 2, code)
	require.Empty(t, out)
	require.Contains(t, errs, "query:1:1: no-counterpart: addresses have no region")

	code, _, _ = runLine(t, "import", "number_of_orders = ")
	require.Equal(t, 2, code)
}
