package coupon_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/stretchr/testify/require"
)

// TestDocsShowRunningCode finds every Go block of docs/coupon.md in the examples.
func TestDocsShowRunningCode(t *testing.T) {
	page, err := os.ReadFile("../docs/coupon.md")
	require.NoError(t, err)
	var code string
	for _, file := range []string{"docs_test.go", "couponsql/example_test.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		code += string(text)
	}
	flat := func(text string) string {
		var lines []string
		for line := range strings.Lines(text) {
			lines = append(lines, strings.TrimSpace(line))
		}
		return strings.Join(lines, "\n")
	}
	code = flat(code)
	blocks := 0
	for i, part := range strings.Split(string(page), "```") {
		if block, ok := strings.CutPrefix(part, "go\n"); ok && i%2 == 1 {
			blocks++
			require.Contains(t, code, strings.TrimSpace(flat(block)))
		}
	}
	require.Greater(t, blocks, 4)
}

// exampleService is a shop on 21 November 2026.
func exampleService() *coupon.Service {
	service, err := coupon.New(coupon.NewMemory(), coupon.Config{
		Clock: new(coupontest.Clock), Zone: coupontest.Seoul,
		LinkBase: "https://shop.example/coupons", LinkSecrets: [][]byte{[]byte(strings.Repeat("s", 32))},
	})
	if err != nil {
		panic(err)
	}
	return service
}

func ExampleService_Save() {
	ctx, service := context.Background(), exampleService()
	saved, err := service.Save(ctx, coupon.Definition{
		ID: "winback", Name: "다시 만나 반가워요", Campaign: "winback-2026",
		Discount: coupon.Discount{Rate: 1500, Max: 10_000, Unit: 100}, // 15 %, at most 10,000 won, in steps of 100
		Minimum:  coupon.Minimum{Amount: 30_000},
		Targets:  coupon.Targets{NotCategories: []string{"sale"}},
		Validity: coupon.Validity{Days: 14, Until: time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC)},
		Limits: []coupon.Limit{
			{Uses: 1, Customer: true},         // once a customer, on whatever code
			{Uses: 100, Period: coupon.Day},   // a hundred a day
			{Uses: 5_000, Amount: 20_000_000}, // in all, and a budget
		},
		Restore: coupon.Restore{When: coupon.OnFullCancelOrReturn, GraceDays: 7},
	})
	fmt.Println(saved.Version, err)

	_, err = service.Save(ctx, coupon.Definition{ID: "bad", Discount: coupon.PercentOff(120)})
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// coupon: invalid definition: Name must not be empty
	// Discount.Rate must be at most 10000 (100 %)
}

func ExampleService_Quote() {
	ctx, service := context.Background(), exampleService()
	for _, d := range []coupon.Definition{
		{ID: "ten", Name: "10 %", Discount: coupon.PercentOff(10), Stacking: coupon.Stacking{Group: "basket"}},
		{ID: "big", Name: "4,000 won", Discount: coupon.AmountOff(4000), Stacking: coupon.Stacking{Group: "basket"}},
		{ID: "ship", Name: "free shipping", Discount: coupon.FreeShipping()},
		{ID: "late", Name: "from December", Discount: coupon.AmountOff(9000), Minimum: coupon.Minimum{Amount: 50_000},
			Validity: coupon.Validity{From: time.Date(2026, 12, 1, 0, 0, 0, 0, coupontest.Seoul)}},
	} {
		if _, err := service.Save(ctx, d); err != nil {
			panic(err)
		}
		if _, err := service.AddSharedCode(ctx, coupon.SharedCode{Code: d.ID, Definition: d.ID}); err != nil {
			panic(err)
		}
	}
	quote, err := service.Quote(ctx, coupon.Request{
		Customer: "kim",
		Codes:    []string{"ten", "Big ", "ＳＨＩＰ", "late", "nope"},
		Cart: coupon.Cart{Currency: dangol.KRW, Shipping: 3000, Lines: []coupon.Line{
			{ID: "1", Product: "shirt", Quantity: 2, Price: 12_000},
			{ID: "2", Product: "socks", Quantity: 3, Price: 2_000},
		}},
	})
	if err != nil {
		panic(err)
	}
	for _, d := range quote.Decisions {
		fmt.Println(d.Code, d.Outcome, d.By, d.Reasons, d.Discount, d.Shares)
	}
	fmt.Println("to pay", quote.Paid())
	// Output:
	// ten lost-to big [] 0 []
	// Big  applied  [] 4000 [{1 3200} {2 800}]
	// ＳＨＩＰ applied  [] 3000 [{shipping 3000}]
	// late refused  [not-started minimum] 0 []
	// nope refused  [unknown] 0 []
	// to pay 26000
}

func ExampleService_Restore() {
	ctx, service := context.Background(), exampleService()
	if _, err := service.Save(ctx, coupon.Definition{ID: "d", Name: "1,000 won", Discount: coupon.AmountOff(1000)}); err != nil {
		panic(err)
	}
	grant, err := service.Issue(ctx, coupon.Issue{Key: "d/kim", Definition: "d", Customer: "kim"})
	if err != nil {
		panic(err)
	}
	request := coupon.Request{Customer: "kim", Grants: []string{grant.ID}, Cart: coupon.Cart{Currency: dangol.KRW,
		Lines: []coupon.Line{{ID: "1", Product: "shirt", Quantity: 3, Price: 5000}}}}
	if _, err := service.Reserve(ctx, "order-17/1", request); err != nil {
		panic(err)
	}
	redemption, err := service.Commit(ctx, "order-17/1", "order-17")
	if err != nil {
		panic(err)
	}
	for returned := range int64(3) {
		back, err := redemption.Refund("1", returned, 1) // one more piece of line 1
		fmt.Println(back.Paid, back.Discount, err)
	}
	restored, err := service.Restore(ctx, "order-17/1", "order-17", coupon.FullCancel)
	fmt.Println(restored.Uses[0].Restored, err)
	// Output:
	// 4666 333 <nil>
	// 4667 333 <nil>
	// 4667 334 <nil>
	// true <nil>
}

func ExampleService_Handler() {
	service := exampleService()
	login := func(*http.Request) (dangol.CustomerID, error) { return "kim", nil }
	handler, err := service.Handler(coupon.HandlerConfig{Customer: login})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/coupons", handler)
	link, err := service.DownloadLink("winback", coupontest.Start.AddDate(0, 0, 14))
	fmt.Println(strings.HasPrefix(link, "https://shop.example/coupons?t="), err)
	// Output: true <nil>
}

func ExampleService_Generate() {
	ctx, service := context.Background(), exampleService()
	if _, err := service.Save(ctx, coupon.Definition{ID: "d", Name: "leaflet", Discount: coupon.AmountOff(1000)}); err != nil {
		panic(err)
	}
	batch, err := service.Generate(ctx, coupon.Batch{ID: "leaflet-2026-11", Definition: "d", Count: 2_500})
	fmt.Println(batch.Done, err)
	var file strings.Builder
	err = service.ExportGrants(ctx, &file, coupon.GrantQuery{Batch: batch.ID})
	fmt.Println(strings.Count(file.String(), "\n"), err)
	// Output:
	// 2500 <nil>
	// 2501 <nil>
}
