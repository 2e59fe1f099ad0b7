//go:build race

package couponsql_test

// The race detector makes each child ten times slower and sees nothing of it;
// without it every step is taken.
const stride = 5
