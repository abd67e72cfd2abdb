using System.Diagnostics;
using Grpc.Core;
using Npgsql;

namespace ShopMesh;

/// <summary>What calls have in common that are made for many orders at once.</summary>
public static class Batch
{
    /// <summary>How many orders a call may be made for.</summary>
    public const int MaxOrders = 100;

    /// <summary>In bytes: that many of the largest orders fit in.</summary>
    public const int MaxRequestSize = 1024 * 1024;

    private const int MaxIdLength = 64;

    internal static readonly ActivitySource Activities = new("ShopMesh.Batches");

    /// <summary>The last of a batch within a transaction: it ends it without a round trip of its own.</summary>
    public static NpgsqlBatchCommand Commit => new("COMMIT");

    /// <exception cref="RpcException">InvalidArgument: there are none, too many, or an id is empty or longer than 64 characters.</exception>
    public static string[] RequireIds(IEnumerable<string> ids, string field)
    {
        string[] all = [.. ids];
        return all.Length is >= 1 and <= MaxOrders && all.All(id => id.Length is >= 1 and <= MaxIdLength)
            ? all
            : throw Invalid($"{field} must be 1 to {MaxOrders}, of 1 to {MaxIdLength} characters each.");
    }

    /// <summary>A statement of a database batch.</summary>
    /// <remarks>Where rows are joined with <c>unnest</c>, say <c>= ANY($1)</c> of their key as well: a plan that is kept finds them by the index then (decision 10).</remarks>
    /// <param name="parameters">In their order, $1 first: a column of all orders each, for <c>unnest</c> or <c>ANY</c>.</param>
    public static NpgsqlBatchCommand Command(string sql, params Array[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        return command;
    }

    public static RpcException Invalid(string detail) => new(new(StatusCode.InvalidArgument, detail));
}
