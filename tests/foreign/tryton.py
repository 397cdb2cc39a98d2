"""Makes Tryton's tables: what `trytond-admin -u` does, less the records and translations that its modules bring, which take most of its time."""

import sys

from trytond.config import config

configuration, name, *modules = sys.argv[1:]
config.update_etc(configuration)

from trytond import backend, convert
from trytond import modules as loading
from trytond.pool import Pool

loading.load_translations = lambda *arguments: None
convert.TrytondXmlHandler.parse_xmlstream = lambda self, stream: None
Pool.start()
database = backend.Database(name).connect()
if not database.test():
    database.init()
Pool(name).init(update=modules, lang=["en"], activatedeps=True)
