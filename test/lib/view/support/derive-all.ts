// One of several builders at once: derives every path of a store. Arguments: the store's folder, the view's.
import fs from 'node:fs'
import {ensureInView} from '../../../../src/lib/view/view.ts'

const [canonical = '', view = ''] = process.argv.slice(2)
ensureInView({canonical, view}, fs.readdirSync(canonical))
