"""Templates and styles of the 系统巡检报告, for HTML (Jinja2) and PDF (typst)."""
