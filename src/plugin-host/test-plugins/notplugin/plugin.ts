export default { id: 'notplugin' };
