using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Npgsql;
using ShopMesh.Bench.Driving;
using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench;

/// <summary>Orders that arrived in a window.</summary>
/// <param name="Offered">Per second.</param>
/// <param name="Failed">How many of them were not taken, since a service was away, too slow or behind.</param>
/// <param name="Open">How many were not confirmed when the last had arrived.</param>
/// <param name="Placed">From when it should have begun to its 201, in milliseconds, sorted.</param>
/// <param name="Confirmed">From when it should have begun to its confirmation, in milliseconds, sorted.</param>
/// <param name="Elapsed">Until the last was confirmed.</param>
internal sealed record OrderWindow(double Offered, int Count, int Failed, int Open, IReadOnlyList<double> Placed, IReadOnlyList<double> Confirmed, TimeSpan Elapsed)
{
    /// <summary>By Little's law: as many are open as arrive while one is on its way. Half a second of them is no backlog that grows.</summary>
    public bool IsSustained => Failed == 0 && Open <= Math.Max(2, Offered / 2);
}

/// <summary>Orders at a pace of their own, each one piece of one product with a basket filled for it ahead, until all are confirmed.</summary>
internal sealed class OrderLoad(Lab lab, IReadOnlyList<Customer> customers) : IAsyncDisposable
{
    private static readonly TimeSpan Refill = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(60);

    private readonly NpgsqlDataSource _baskets = Seed.Open(lab.Shop.Database("basket"));
    private readonly NpgsqlDataSource _orders = Seed.Open(lab.Shop.Database("ordering"));
    private readonly Stack<HttpConnection> _connections = [];

    public static async Task<string> PlaceOneAsync(Lab lab, CancellationToken cancellationToken)
    {
        await using var load = new OrderLoad(lab, [lab.Customers[0]]);
        await load.FillAsync([lab.Customers[0]], cancellationToken);
        var id = await load.PlaceAsync(lab.Customers[0], cancellationToken);
        while ((await Seed.ReadAsync(load._orders, $"SELECT status::text FROM orders WHERE id = '{id}'", cancellationToken))[0] != "Delivered")
            await Task.Delay(100, cancellationToken);
        return id.ToString();
    }

    /// <param name="rate">Orders per second.</param>
    /// <param name="meter">Runs from the first order until the last is confirmed.</param>
    public async Task<OrderWindow> RunAsync(double rate, TimeSpan window, CpuMeter meter, CancellationToken cancellationToken)
    {
        // Kestrel closes one that was idle since the last window.
        while (_connections.TryPop(out var idle))
            idle.Dispose();
        var free = Channel.CreateUnbounded<Customer>();
        var used = Channel.CreateUnbounded<Customer>();
        await FillAsync(customers, cancellationToken);
        foreach (var customer in customers)
            free.Writer.TryWrite(customer);

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var refilling = RefillAsync(used.Reader, free.Writer, ended.Token);
        var count = Math.Max(1, (int)(rate * window.TotalSeconds));
        meter.Start();
        var (start, wall) = (Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow);
        var placing = new List<Task<(Guid? Id, TimeSpan Due, TimeSpan Answered)>>();
        for (var number = 0; number < count; number++)
        {
            var due = TimeSpan.FromSeconds(number / rate);
            var wait = due - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, cancellationToken);
            placing.Add(PlaceOnTimeAsync(due));
        }

        await Task.WhenAny(Task.WhenAll(placing), Task.Delay(Refill, cancellationToken));
        var open = placing.Count(order => !order.IsCompleted) + await CountOpenAsync(cancellationToken);
        var arrived = await Task.WhenAll(placing);
        var placed = arrived.Where(order => order.Id is not null).Select(order => (Id: order.Id!.Value, order.Due, order.Answered)).ToList();
        while (await CountOpenAsync(cancellationToken) > 0)
        {
            if (Stopwatch.GetElapsedTime(start) > window + DrainLimit)
                throw new Hosting.ShopException($"Orders that were placed at {rate:0} a second are not confirmed after {DrainLimit.TotalSeconds} s.");
            await Task.Delay(20, cancellationToken);
        }

        var elapsed = Stopwatch.GetElapsedTime(start);
        meter.Stop();
        await ended.CancelAsync();
        await refilling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var confirmations = await ConfirmationsAsync([.. placed.Select(order => order.Id)], cancellationToken);
        return new(rate, placed.Count, count - placed.Count, open, [.. placed.Select(order => (order.Answered - order.Due).TotalMilliseconds).Order()],
            [.. placed.Select(order => (confirmations[order.Id] - wall - order.Due).TotalMilliseconds).Order()], elapsed);

        async Task<(Guid?, TimeSpan, TimeSpan)> PlaceOnTimeAsync(TimeSpan due)
        {
            var customer = await free.Reader.ReadAsync(cancellationToken);
            Guid? id = null;
            try
            {
                id = await PlaceAsync(customer, cancellationToken);
            }
            catch (RefusedException e) when (e.Status is >= 500 or 422)
            {
                // More than the shop can take: a service is too slow, or still has to empty the basket for the customer's last order.
            }

            var answered = Stopwatch.GetElapsedTime(start);
            used.Writer.TryWrite(customer);
            return (id, due, answered);
        }
    }

    /// <returns>How many orders there are by now.</returns>
    public async Task<long> CountAsync(CancellationToken cancellationToken)
    {
        await using var command = _orders.CreateCommand("SELECT count(*) FROM orders");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections)
            connection.Dispose();
        await _baskets.DisposeAsync();
        await _orders.DisposeAsync();
    }

    private async Task<Guid> PlaceAsync(Customer customer, CancellationToken cancellationToken)
    {
        HttpConnection? connection;
        lock (_connections)
            _ = _connections.TryPop(out connection);
        connection ??= new(lab.Gateway);
        var body = $$"""
            {"shippingAddress":{"name":"A Customer","line1":"Rua do Carmo 1","city":"Lisboa","postalCode":"1200-093","country":"PT"},"shippingOption":"standard","paymentToken":"{{customer.Card}}"}
            """;
        try
        {
            var answer = await connection.SendAsync(HttpConnection.Request(lab.Gateway, "POST", "/api/orders", customer.Token, body, $"Idempotency-Key: {Guid.CreateVersion7()}\r\n"), cancellationToken);
            return Guid.Parse(System.Text.Encoding.ASCII.GetString(answer.Span[(answer.Span.IndexOf("\"id\":\""u8) + 6)..][..36]));
        }
        finally
        {
            // Whatever was answered, the next request may go the same way.
            lock (_connections)
                _connections.Push(connection);
        }
    }

    private async Task RefillAsync(ChannelReader<Customer> used, ChannelWriter<Customer> free, CancellationToken cancellationToken)
    {
        var empty = new List<Customer>();
        while (true)
        {
            await Task.Delay(Refill, cancellationToken);
            empty.Clear();
            while (used.TryRead(out var customer))
                empty.Add(customer);
            if (empty.Count == 0)
                continue;
            await FillAsync(empty, cancellationToken);
            foreach (var customer in empty)
                free.TryWrite(customer);
        }
    }

    /// <summary>One statement for all of them, since it is not what is measured.</summary>
    private async Task FillAsync(IReadOnlyList<Customer> empty, CancellationToken cancellationToken)
    {
        await using var command = _baskets.CreateCommand("""
            INSERT INTO basket_items (customer_id, product_id, quantity, added_at)
            SELECT customer, product, 1, clock_timestamp() FROM unnest($1, $2) AS filled (customer, product)
            ON CONFLICT (customer_id, product_id) DO NOTHING
            """);
        command.Parameters.Add(new() { Value = empty.Select(customer => customer.Id).ToArray() });
        command.Parameters.Add(new() { Value = empty.Select(_ => lab.Stocked[Random.Shared.Next(lab.Stocked.Count)]).ToArray() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<int> CountOpenAsync(CancellationToken cancellationToken)
    {
        await using var command = _orders.CreateCommand("SELECT count(*)::integer FROM orders WHERE due_at IS NOT NULL AND status::text IN ('Submitted', 'Reserved', 'Paid')");
        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>When each was confirmed, as its history has it.</summary>
    private async Task<Dictionary<Guid, DateTimeOffset>> ConfirmationsAsync(Guid[] ids, CancellationToken cancellationToken)
    {
        await using var command = _orders.CreateCommand("SELECT id, history::text FROM orders WHERE id = ANY($1)");
        command.Parameters.Add(new() { Value = ids });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var confirmations = new Dictionary<Guid, DateTimeOffset>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var confirmed = JsonNode.Parse(reader.GetString(1))!.AsArray().FirstOrDefault(change => (string)change!["status"]! == "confirmed");
            confirmations[reader.GetGuid(0)] = (DateTimeOffset?)confirmed?["at"] ?? throw new Hosting.ShopException($"An order was not confirmed: {reader.GetString(1)}");
        }

        return confirmations;
    }
}
