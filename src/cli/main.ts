#!/usr/bin/env node
// The `selvage` command.
