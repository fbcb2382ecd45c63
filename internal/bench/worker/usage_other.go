//go:build !unix

package worker

func usage() (cpu, peak int64) { return 0, 0 }
