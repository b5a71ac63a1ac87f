"""The Scrapy project: discovers artwork pages, fetches them politely, makes them durable."""
