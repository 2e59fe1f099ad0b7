package csvdir_test

import (
	"context"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
)

// A folder fills a store, or says what is wrong with it, every mistake with its
// place.
func Example() {
	folder := fstest.MapFS{
		"customers.csv": {Data: []byte("id,joined,tags\nkim,2026-03-01,vip|press\n")},
		"orders.csv":    {Data: []byte("id,customer,placed,totl\no-1,kim,2026-03-02,12000\n")},
	}
	seoul := time.FixedZone("Asia/Seoul", 9*3600)
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(csvdir.LoadFS(context.Background(), folder, s, csvdir.Options{Zone: seoul}))

	folder["orders.csv"].Data = []byte("id,customer,placed,total\no-1,kim,2026-03-02,12000\n")
	if err := csvdir.LoadFS(context.Background(), folder, s, csvdir.Options{Zone: seoul}); err != nil {
		fmt.Println(err)
		return
	}
	kim, err := s.Customer(context.Background(), "kim")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(kim.Attributes["tags"], kim.Records["all_orders"][0].Fields["placed"])
	// Output:
	// orders.csv:1:20: unknown column "totl"
	//   did you mean total?
	// {press|vip} 2026-03-01T15:00:00Z
}
