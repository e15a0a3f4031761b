"""report.html: a run's figures and charts as one page. A frozen value in, bytes out."""
