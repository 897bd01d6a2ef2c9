// A MyChat server with chat rooms on Node: `node rooms.js PORT`. Handlers by verb; a refusal is thrown.
'use strict';
const net = require('net');

const LIMIT = 1024, TOPIC = 390, ROOMS = 50;
const users = new Map(), rooms = new Map();
const bytes = text => Buffer.byteLength(text);
const refuse = (code, text) => { throw { code, text }; };
const legal = name => name.length > 0 && bytes(name) <= 64 && name.trim() === name && !/[|,\p{C}\u2028\u2029]/u.test(name);

function pages(head, names) {
  const all = [];
  let page = [];
  for (const name of names) {
    if (page.length && bytes(head + '|' + [...page, name].join(',')) + 1 > LIMIT) {
      all.push(head + '|' + page.join(',') + ',');
      page = [];
    }
    page.push(name);
  }
  return [...all, head + '|' + page.join(',')];
}

class Room {
  constructor(name) {
    Object.assign(this, { name, members: new Set(), operators: new Set(), banned: new Set(), invited: new Set(), topic: null, hidden: false, quiet: false });
  }
  tell(frame, to = this.members) { for (const user of to) user.push(frame); }
  state() {
    const names = set => [...set].map(user => user.name);
    return [...pages('MEMBERS|' + this.name, names(this.members)), ...pages('OPERATORS|' + this.name, names(this.operators))];
  }
  settle() {
    if (!this.members.size) return void rooms.delete(this.name);
    if (this.operators.size) return;
    const [first] = this.members;
    this.operators.add(first);
    this.tell(`OPERATORS|${this.name}|${first.name}`);
  }
  remove(user) { this.members.delete(user); this.operators.delete(user); this.settle(); }
  member(name) {
    const user = users.get(name);
    return user && this.members.has(user) ? user : refuse(404, 'no such member');
  }
}

// What a member, or an operator, may ask of its room.
const forMembers = {
  LEAVE(user, room) { room.tell(`LEAVE|${room.name}|${user.name}`); room.remove(user); },
  SAY(user, room, content) {
    if (room.quiet && !room.operators.has(user)) refuse(403, 'quiet, please');
    user.forward(`SAY|${room.name}|${user.name}|${content}`, room.members);
  },
  MEMBERS(user, room) { room.state().forEach(frame => user.push(frame)); },
};
const forOperators = {
  TOPIC(user, room, text) {
    if (bytes(text) > TOPIC) refuse(413, 'too long');
    room.topic = text ? `TOPIC|${room.name}|${user.name}|${text}` : null;
    room.tell(`TOPIC|${room.name}|${user.name}|${text}`);
  },
  MODE(user, room, mode) {
    if (mode === 'private' || mode === 'public') room.hidden = mode === 'private'; else room.quiet = mode === 'quiet';
    room.tell(`MODE|${room.name}|${user.name}|${mode}`);
  },
  INVITE(user, room, name, frame) {
    const guest = users.get(name);
    if (!guest || !guest.extended) refuse(404, 'nobody of that name can come');
    room.invited.add(guest);
    room.tell(frame, new Set([user, guest]));
  },
  KICK(user, room, name, frame) { const target = room.member(name); room.tell(frame); room.remove(target); },
  BAN(user, room, name, frame) {
    if (!legal(name)) refuse(422, 'not a name');
    if (name === user.name) refuse(403, 'yourself?');
    const target = users.get(name), operators = [...room.operators].filter(other => other !== target);
    room.banned.add(name);
    room.invited.delete(target);
    room.tell(frame, operators);
    if (!room.members.has(target)) return;
    room.tell(frame.replace('BAN', 'KICK'), [...room.members].filter(other => !operators.includes(other)));
    room.remove(target);
  },
  UNBAN(user, room, name, frame) { if (!room.banned.delete(name)) refuse(404, 'not banned'); room.tell(frame, room.operators); },
  GRANT(user, room, name, frame) { room.operators.add(room.member(name)); room.tell(frame); },
  REVOKE(user, room, name, frame) { room.operators.delete(room.member(name)); room.tell(frame); room.settle(); },
};
const MODES = ['private', 'public', 'quiet', 'open'];

class User {
  constructor(socket) { Object.assign(this, { socket, name: null, extended: false, listed: -Infinity }); }
  push(frame) {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    if (this.socket.writableLength > 8 << 20) return void this.socket.destroy();
    this.socket.write(frame + '\n');
  }
  forward(frame, to) { if (bytes(frame) > LIMIT) refuse(413, 'too long'); for (const user of [...to]) user.push(frame); }
  handle(line) {
    try {
      if (line.length > LIMIT) refuse(413, 'too long');
      let text;
      try { text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line); } catch { refuse(400, 'not UTF-8'); }
      return !text.trim() || this.command(text);
    } catch (refusal) {
      if (!refusal.code) throw refusal;
      this.push(`ERROR|${refusal.code}|${refusal.text}`);
      return true;
    }
  }
  command(text) {
    const at = text.indexOf('|'), verb = at < 0 ? text : text.slice(0, at), rest = at < 0 ? null : text.slice(at + 1);
    if (verb === 'DISCONNECT' && !rest) return false;
    if (verb === 'CONNECT' && rest !== null) this.connect(rest);
    else if (this.name === null) refuse(401, 'CONNECT first');
    else if (verb === 'BROADCAST' && rest) this.forward(`BROADCAST|${this.name}|${rest}`, users.values());
    else if (verb === 'MESSAGE' && rest) {
      const [to, content] = this.two(rest);
      if (!content) refuse(400, 'nothing to say');
      if (!users.has(to)) refuse(404, 'no such user');
      this.forward(`MESSAGE|${this.name}|${content}`, [users.get(to)]);
    } else if (verb === 'CAPABILITIES' && rest !== null) this.negotiate(rest.split(','));
    else if (this.extended) this.extension(verb, rest);
    else refuse(400, 'unknown command');
    return true;
  }
  two(rest) {
    const at = (rest || '').indexOf('|');
    return at < 1 ? refuse(400, 'a field is missing') : [rest.slice(0, at), rest.slice(at + 1)];
  }
  connect(name) {
    if (this.name !== null || users.has(name) || !legal(name)) { this.push('CONNECT_ACK|FAIL'); refuse(409, 'not this name'); }
    this.name = name;
    users.set(name, this);
    this.push('CONNECT_ACK|OK');
    sendLists();
  }
  negotiate(names) {
    this.extended = names.includes('rooms');
    if (!this.extended) this.leaveRooms();
    this.push('CAPABILITIES|' + (this.extended ? 'rooms=' + ROOMS : ''));
  }
  extension(verb, rest) {
    if (verb === 'ROOMS') return rest ? refuse(400, 'ROOMS alone') : this.listRooms();
    if (verb === 'JOIN') return rest ? this.join(rest) : refuse(400, 'which room?');
    const handler = forMembers[verb] || forOperators[verb];
    if (!handler || !rest) refuse(400, 'malformed');
    const single = verb === 'LEAVE' || verb === 'MEMBERS';
    const [name, last] = single ? [rest] : this.two(rest);
    if (!single && !last && verb !== 'TOPIC' || verb === 'MODE' && !MODES.includes(last)) refuse(400, 'malformed');
    const room = rooms.get(name);
    if (!room || !room.members.has(this)) refuse(404, 'not your room');
    if (forOperators[verb] && !room.operators.has(this)) refuse(403, 'you are no operator');
    handler(this, room, last, `${verb}|${name}|${this.name}|${last}`);
  }
  listRooms() {
    if (Date.now() - this.listed < 1000) refuse(429, 'wait a second');
    this.listed = Date.now();
    const shown = [...rooms.values()].filter(room => !room.hidden || room.members.has(this));
    pages('ROOMS', shown.map(room => room.name)).forEach(page => this.push(page));
  }
  join(name) {
    if (!legal(name)) refuse(422, 'not a name');
    const known = rooms.get(name);
    if (known && known.members.has(this)) refuse(409, 'again?');
    if ([...rooms.values()].filter(room => room.members.has(this)).length >= ROOMS) refuse(503, 'enough rooms');
    if (known && (known.banned.has(this.name) || known.hidden && !known.invited.has(this))) refuse(403, 'not you');
    const room = known || new Room(name);
    rooms.set(name, room);
    room.invited.delete(this);
    room.members.add(this);
    if (room.members.size === 1) room.operators.add(this);
    room.tell(`JOIN|${name}|${this.name}`);
    [...(room.topic ? [room.topic] : []), ...room.state()].forEach(frame => this.push(frame));
  }
  leaveRooms() {
    for (const room of [...rooms.values()]) {
      room.invited.delete(this);
      if (!room.members.has(this)) continue;
      room.tell(`LEAVE|${room.name}|${this.name}`, [...room.members].filter(other => other !== this));
      room.remove(this);
    }
  }
  end() {
    if (this.name === null || users.get(this.name) !== this) return;
    this.leaveRooms();
    users.delete(this.name);
    sendLists();
  }
}

function sendLists() {
  for (const page of pages('USER_LIST', users.keys())) for (const user of users.values()) user.push(page);
}

net.createServer({ noDelay: true, allowHalfOpen: true }, socket => {
  const user = new User(socket);
  let buffer = Buffer.alloc(0), open = true;
  const end = () => { if (open) { open = false; user.end(); socket.end(); } };
  socket.on('data', chunk => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let at; open && (at = buffer.indexOf(10)) >= 0; buffer = buffer.subarray(at + 1)) {
      const line = buffer.subarray(0, at > 0 && buffer[at - 1] === 13 ? at - 1 : at);
      if (!user.handle(line)) end();
    }
    if (buffer.length > 65536) end();
  });
  socket.on('end', end).on('error', end).on('close', end);
}).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 512 });
