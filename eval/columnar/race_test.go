//go:build race

package columnar_test

// underRace: the race detector allocates where the program does not.
const underRace = true
