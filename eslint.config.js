import js from '@eslint/js'
import globals from 'globals'
import {defineConfig} from 'eslint/config'
import tseslint from 'typescript-eslint'

export default defineConfig(
  {ignores: ['dist/', '.tools/', '.cache/', 'node_modules/', 'examples/']},
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      globals: globals.node,
      parserOptions: {projectService: {allowDefaultProject: ['eslint.config.js', 'bin/*.js']}, tsconfigRootDir: import.meta.dirname},
    },
    linterOptions: {reportUnusedDisableDirectives: 'error'},
    rules: {
      // Numbers and booleans read well in messages; everything else must be made text on purpose.
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true, allowBoolean: true}],
      // A field that is not erasable syntax must be assigned by hand, so a constructor may be longer than its parameters.
      '@typescript-eslint/no-extraneous-class': 'off',
      // `void promise` says on purpose that nobody waits for it.
      '@typescript-eslint/no-confusing-void-expression': ['error', {ignoreArrowShorthand: true}],
      'no-restricted-imports': ['error', {patterns: [{group: ['**/src/**'], message: 'standin/ imports nothing of src/.'}]}],
    },
  },
  {files: ['test/**', 'bench/**', 'scripts/**', 'src/**'], rules: {'no-restricted-imports': 'off'}},
  {
    files: ['src/lib/**'],
    rules: {
      'no-restricted-imports': ['error', {patterns: [
        {group: ['@oclif/*', '@heroku-cli/command', '**/commands/**', '**/dyno/**'], message: 'imports point down: lib knows neither oclif nor commands nor dyno.'},
      ]}],
    },
  },
  {files: ['test/**'], rules: {'@typescript-eslint/no-unused-expressions': 'off', '@typescript-eslint/no-floating-promises': 'error'}},
)
