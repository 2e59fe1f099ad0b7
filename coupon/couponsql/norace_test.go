//go:build !race

package couponsql_test

const stride = 1
