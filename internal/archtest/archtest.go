// Package archtest holds the table of who may import whom and tests it against
// the source files. It reads the files itself: a test that asked the go command
// would be answered from the test cache.
package archtest
