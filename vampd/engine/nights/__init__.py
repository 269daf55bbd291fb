"""The nights as they lie under the root: listed, read, and judged by the rule of readiness."""
