/** Syntax trees as bash lays them out: `type f`, `declare -f`, the text of jobs. Models print_cmd.c of bash */

import type {
  AndOr,
  Case,
  CommandNode,
  CompoundList,
  Function as FunctionNode,
  HereDoc,
  If,
  Pipeline,
  Redirection,
  Statement,
  TestExpression,
} from 'unbash';
import type { ShellFunction } from './state.ts';

/** Lays out one tree whose positions index `text`. */
class Printer {
  private readonly text: string;
  /** Inside a function each command has a line of its own; elsewhere lists stay on one. */
  private readonly lines: boolean;
  private depth = 0;
  /** Here-documents whose bodies come after the line. */
  private pending: HereDoc[] = [];

  constructor(text: string, lines: boolean) {
    this.text = text;
    this.lines = lines;
  }

  private get indent(): string {
    return '    '.repeat(this.depth);
  }

  private nested(list: CompoundList, last = ';'): string {
    this.depth++;
    const body = this.list(list.commands, last);
    this.depth--;
    return body;
  }

  /** Statements on lines of their own; `last` ends the last one. */
  list(statements: readonly Statement[], last: string): string {
    let out = '';
    let sameLine = false;
    statements.forEach((s, i) => {
      const isLast = i === statements.length - 1;
      const text = this.statement(s);
      const end = s.background ? ' &' : isLast ? last : ';';
      const lead = sameLine ? ' ' : this.indent;
      sameLine = s.background === true || !this.lines;
      const docs = this.flush();
      // After a here-document the terminator would stand on a line of its own.
      out += docs === '' ? `${lead}${text}${end}${isLast || sameLine ? '' : '\n'}` : `${lead}${text}\n${docs}\n`;
    });
    return out;
  }

  private flush(): string {
    const docs = this.pending.map((d) => `${d.body.text}${d.delimiter?.value ?? ''}\n`).join('');
    this.pending = [];
    return docs;
  }

  statement(s: Statement): string {
    return this.node(s.command);
  }

  node(node: CommandNode | Pipeline | AndOr): string {
    return node.type === 'AndOr' ? this.andOr(node) : this.pipeline(node);
  }

  private andOr(node: AndOr): string {
    return node.commands.map((c, i) => (i === 0 ? '' : ` ${node.operators[i - 1]} `) + this.pipeline(c)).join('');
  }

  private pipeline(node: CommandNode | Pipeline): string {
    if (node.type !== 'Pipeline') return this.command(node);
    const prefix = node.prefixes.map((x) => (x.type === 'Negation' ? '! ' : x.posix ? 'time -p ' : 'time ')).join('');
    return (
      prefix + node.commands.map((c, i) => (i === 0 ? '' : node.operators[i - 1] === '|&' ? ' 2>&1 | ' : ' | ') + this.command(c)).join('')
    );
  }

  private source(node: { pos: number; end: number }): string {
    return this.text.slice(node.pos, node.end);
  }

  command(node: CommandNode | CompoundList): string {
    const { indent } = this;
    switch (node.type) {
      case 'Command': {
        const words = [...node.prefix.filter((x) => x.type === 'Assignment'), ...(node.name ? [node.name] : []), ...node.args].map(
          (w) => w.text,
        );
        return [...words, ...node.redirects.map((r) => this.redirect(r))].join(' ');
      }
      case 'Redirected':
        return [this.command(node.command), ...node.redirects.map((r) => this.redirect(r))].join(' ');
      case 'CompoundList':
        return this.list(node.commands, '');
      case 'BraceGroup':
        if (!this.lines) return `{ ${this.list(node.body.commands, ';').trimStart()} }`;
        return `{ \n${this.nested(node.body, '')}\n${indent}}`;
      case 'Subshell':
        return `( ${this.list(node.body.commands, '').trimStart()} )`;
      case 'If':
        return this.conditional(node);
      case 'For':
      case 'Select': {
        const words = node.wordlist ? node.wordlist.map((w) => w.text).join(' ') : '"$@"';
        return `${node.type === 'For' ? 'for' : 'select'} ${node.name.text} in ${words};\n${indent}do\n${this.nested(node.body)}\n${indent}done`;
      }
      case 'ArithmeticFor': {
        const [a, b, c] = [node.initialize, node.test, node.update].map((e) => (e ? this.source(e).trim() : '1'));
        return `for ((${a}; ${b}; ${c}))\n${indent}do\n${this.nested(node.body)}\n${indent}done`;
      }
      case 'While':
        return `${node.kind} ${this.inline(node.clause)}; do\n${this.nested(node.body)}\n${indent}done`;
      case 'Case':
        return this.cases(node);
      case 'TestCommand':
        return `[[ ${this.test(node.expression)} ]]`;
      case 'ArithmeticCommand':
        return `((${node.body}))`;
      case 'Function':
        return this.inner(node);
      case 'Coproc':
        return `coproc ${node.name?.text ?? 'COPROC'} ${this.command(node.body)}`;
    }
  }

  private inline(list: CompoundList): string {
    return list.commands.map((s) => this.statement(s) + (s.background ? ' &' : '')).join('; ');
  }

  private conditional(node: If): string {
    return this.branches(node.clause, node.then, node.elif, node.else);
  }

  /** elif is an if inside else. */
  private branches(clause: CompoundList, yes: CompoundList, elif: If['elif'], no: CompoundList | undefined): string {
    const { indent } = this;
    let out = `if ${this.inline(clause)}; then\n${this.nested(yes)}\n`;
    const [next, ...rest] = elif;
    if (next) {
      this.depth++;
      const inner = this.branches(next.clause, next.then, rest, no);
      out += `${indent}else\n${this.indent}${inner};\n`;
      this.depth--;
    } else if (no) out += `${indent}else\n${this.nested(no)}\n`;
    return `${out}${indent}fi`;
  }

  private cases(node: Case): string {
    const { indent } = this;
    let out = `case ${node.word.text} in \n`;
    this.depth++;
    for (const item of node.items) {
      const body = this.nested(item.body, '');
      out += `${this.indent}${item.pattern.map((p) => p.text).join(' | ')})\n${body}\n${this.indent}${item.terminator ?? ';;'}\n`;
    }
    this.depth--;
    return `${out}${indent}esac`;
  }

  private inner(node: FunctionNode): string {
    return `function ${node.name.text} () \n${this.indent}${this.command(node.body)}`;
  }

  private test(e: TestExpression): string {
    switch (e.type) {
      case 'TestUnary':
        return `${e.operator} ${e.operand.text}`;
      case 'TestBinary':
        return `${e.left.text} ${e.operator} ${e.right.text}`;
      case 'TestLogical':
        return e.operands.map((o) => this.test(o)).join(` ${e.operator} `);
      case 'TestNot':
        return `${'! '.repeat(e.negations.length)}${this.test(e.operand)}`;
      case 'TestGroup':
        return `( ${this.test(e.expression)} )`;
    }
  }

  private redirect(r: Redirection): string {
    const fd = r.descriptor ? (r.descriptor.type === 'FileDescriptor' ? String(r.descriptor.value) : `{${r.descriptor.name}}`) : '';
    if (r.type === 'HereDoc') {
      this.pending.push(r);
      return `${fd}${r.operator}${r.delimiter?.text ?? ''}`;
    }
    if (r.type === 'HereString') return `${fd}<<< ${r.target?.text ?? ''}`;
    const target = r.target?.text ?? '';
    if (r.operator === '>&' || r.operator === '<&')
      return `${fd === '' && /^\d+-?$|^-$/.test(target) ? (r.operator === '>&' ? '1' : '0') : fd}${r.operator}${target}`;
    return `${fd}${r.operator} ${target}`;
  }
}

/** A command as `jobs` shows it. */
export function printCommand(text: string, node: CommandNode | Pipeline | AndOr): string {
  return new Printer(text, false).node(node);
}

export function printFunction(name: string, fn: ShellFunction): string {
  const printer = new Printer(fn.source.text, true);
  const body =
    fn.body.type === 'BraceGroup' || fn.body.type === 'Redirected' ? printer.command(fn.body) : `{ \n    ${printer.command(fn.body)}\n}`;
  return `${name} () \n${body}\n`;
}
