//go:build !race

package columnar_test

const underRace = false
